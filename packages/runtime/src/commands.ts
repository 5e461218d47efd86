/** The operator's commands: one of them run by its name, and the help that words ask for. */
import {
  CommandError,
  EXIT_UNAVAILABLE,
  EXIT_USAGE,
  printable,
  type Terminal,
  wrongCall,
} from './terminal.ts';

/** One command: what stands behind its name. Throws a CommandError when it cannot do as told. */
export type Command<Deps> = (deps: Deps, words: readonly string[]) => Promise<void>;

/** Commands by their names of one word or two. A map, because an object would know `constructor` too. */
export type Commands<Deps> = ReadonlyMap<string, Command<Deps>>;

/** Runs one command. Resolves to the exit code; every failure is one line on the terminal. */
export async function runCommand<Deps extends { terminal: Terminal }>(
  commands: Commands<Deps>,
  deps: Deps,
  words: readonly string[],
): Promise<number> {
  try {
    const [first = '', second = ''] = words;
    const two = commands.get(`${first} ${second}`);
    const one = commands.get(first);
    if (two !== undefined) await two(deps, words.slice(2));
    else if (one !== undefined) await one(deps, words.slice(1));
    else throw wrongCall('there is no such command');
    return 0;
  } catch (error) {
    const { message, exitCode } = toCommandError(error);
    deps.terminal.note(`sotto: ${printable(message)}`);
    if (exitCode === EXIT_USAGE) deps.terminal.note('Try: npm run admin -- --help');
    return exitCode;
  }
}

function toCommandError(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code.startsWith('ERR_PARSE_ARGS') && error instanceof Error)
    return wrongCall(error.message.replace(/\. .*/s, ''));
  if (code === UNDEFINED_TABLE || code === INVALID_SCHEMA) {
    return new CommandError('this database has no tables yet: start the platform once first');
  }
  if (/^(E[A-Z]+|08|28|3D|53|57)/.test(code)) {
    return new CommandError(`the database does not answer (${code})`, EXIT_UNAVAILABLE);
  }
  return new CommandError(`this failed, and nothing was changed (${code || 'no code'})`);
}

const UNDEFINED_TABLE = '42P01';
const INVALID_SCHEMA = '3F000';

/**
 * What to print when the words ask for help: all of a text, or, for the first of two words alone, the paragraphs of that
 * group. Undefined when they ask for none.
 */
export function helpIn(text: string, words: readonly string[]): string | undefined {
  const [first, ...rest] = words;
  if (first === undefined || first === 'help') return text;
  if (words.includes('--help') || words.includes('-h')) return text;
  if (rest.length > 0 || !/^[a-z-]+$/.test(first)) return undefined;
  const paragraphs = text.split('\n\n').flatMap((paragraph) => paragraph.split(/\n(?= {2}\S)/));
  const group = paragraphs.filter((one) => new RegExp(`^ {2}${first} [a-z]`).test(one));
  return group.length > 0 ? group.join('\n') : undefined;
}
