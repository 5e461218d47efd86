/** One run of the program: the chat, or a command. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { assertOptions, readArguments } from './arguments.ts';
import type { Call, Output } from './call.ts';
import { COMMANDS } from './commands.ts';
import { EXIT, wrongCall } from './exit-code.ts';
import { toCommandError } from './explain.ts';
import { COMMAND_HELP, HELP } from './help-text.ts';
import { type Asking, Interrupted } from './input.ts';
import { safeLine } from './safe-text.ts';

/** What a run is given by its process. */
export interface Run {
  readonly argv: readonly string[];
  readonly output: Output;
  readonly asking: Asking | undefined;
  /** Whether standard output is a terminal that can be drawn on. */
  readonly canDraw: boolean;
  /** Where the program was called. */
  readonly workingDirectory: string;
  /** `XDG_DATA_HOME`. */
  readonly dataHome: string | undefined;
  readonly version: string;
  /** Aborted by a signal to the process, and when nobody reads its output any more. */
  readonly signal: AbortSignal;
}

/** As shells say it: 128 and SIGINT. */
const INTERRUPTED = 130;

/** Resolves to the exit code. Every failure is one line on standard error. */
export async function run(given: Run): Promise<number> {
  try {
    return await start(given);
  } catch (error) {
    if (given.signal.aborted) return codeOf(given.signal);
    if (error instanceof Interrupted) {
      given.output.note(''); // What the shell says next does not stand behind the question.
      return INTERRUPTED;
    }
    const { message, exitCode } = toCommandError(error);
    given.output.note(`sotto: ${safeLine(message)}`);
    if (exitCode === EXIT.usage) given.output.note('Try: sotto --help');
    return exitCode;
  }
}

async function start(given: Run): Promise<number> {
  const { output } = given;
  const { words, options } = readArguments(given.argv);
  const [name] = words;
  if (options.version === true) output.out(given.version);
  else if (options.help === true || name === 'help') {
    const about = name === 'help' ? words[1] : name;
    output.out((COMMAND_HELP.get(about ?? '') ?? HELP).trimEnd());
  } else {
    const directory = options.data ?? join(given.dataHome ?? defaultHome(), 'sotto');
    const call: Call = { ...given, words, options, directory };
    if (name === undefined) return chat(call, given.canDraw);
    await runCommand(call, name);
    if (given.signal.aborted) return codeOf(given.signal);
  }
  return EXIT.done;
}

async function runCommand(call: Call, name: string): Promise<void> {
  const command = COMMANDS.get(name);
  if (command === undefined) throw wrongCall(`there is no command ${name}`);
  assertOptions(call.options, command.options);
  const work = await command.load();
  await work(call);
}

async function chat(call: Call, canDraw: boolean): Promise<number> {
  assertOptions(call.options, ['invite']);
  if (call.asking === undefined || !canDraw) {
    throw wrongCall('a chat needs a terminal that can be drawn on; for scripts: --help');
  }
  const { openChat } = await import('./screen/open-chat.tsx');
  return openChat(call, call.asking);
}

/** What the signal was aborted with: the number of a process signal, or 0 when the reader of the output is gone. */
function codeOf({ reason }: AbortSignal): number {
  return typeof reason === 'number' ? reason : EXIT.done;
}

function defaultHome(): string {
  return join(homedir(), '.local', 'share');
}
