/** What the commands for backups ask and say on a terminal. */
import { readFileSync } from 'node:fs';
import {
  CommandError,
  ConfigError,
  EXIT_CONFIG,
  EXIT_FAILED,
  EXIT_UNAVAILABLE,
  processTerminal,
  wrongCall,
} from '@sotto/runtime';

interface PassphraseOptions {
  file: string | undefined;
  ask: boolean;
  /** A new one is typed twice. */
  twice: boolean;
}

/** Shorter ones are guessed from a copy of the file. */
const PASSPHRASE_LENGTH_MIN = 12;

/** The passphrase that was asked for; undefined when none was. Throws a CommandError. */
export async function askPassphrase({ file, ask, twice }: PassphraseOptions) {
  if (file === undefined && !ask) return undefined;
  const passphrase = file === undefined ? await typed(twice) : readFirstLine(file);
  if (passphrase.length < PASSPHRASE_LENGTH_MIN) {
    throw wrongCall(`a passphrase has ${PASSPHRASE_LENGTH_MIN} characters or more`);
  }
  return passphrase;
}

async function typed(twice: boolean): Promise<string> {
  const { askSecret } = processTerminal();
  if (askSecret === undefined) throw wrongCall('there is no terminal: use --passphrase-file');
  const first = await askSecret('Passphrase: ');
  if (twice && (await askSecret('Again: ')) !== first) throw wrongCall('the two were not alike');
  return first;
}

function readFirstLine(file: string): string {
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/, 1)[0] ?? '';
  } catch {
    throw wrongCall(`${file} cannot be read`);
  }
}

/** How often a line is written again. */
const PROGRESS_MS = 500;

/** One line on standard error that says how far the work is; none where nobody looks. */
export function progressLine(): { say(what: string): void; end(): void } {
  const { stderr } = process;
  let saidAt = 0;
  return {
    say(what) {
      if (!stderr.isTTY || Date.now() - saidAt < PROGRESS_MS) return;
      saidAt = Date.now();
      stderr.write(`\r\x1b[K${what}`);
    },
    end() {
      if (saidAt > 0) stderr.write('\r\x1b[K');
      saidAt = 0;
    },
  };
}

/** Says in one line why a command failed, and gives its exit code. */
export function explainFailure(error: unknown): number {
  const { message, code } = describe(error);
  console.error(`sotto: ${message}`);
  return code;
}

function describe(error: unknown): { message: string; code: number } {
  if (error instanceof ConfigError) return { message: error.message, code: EXIT_CONFIG };
  if (error instanceof CommandError) return { message: error.message, code: error.exitCode };
  if (!(error instanceof Error)) return { message: 'this failed', code: EXIT_FAILED };
  const code = 'code' in error ? String(error.code) : '';
  if (code.startsWith('ERR_PARSE_ARGS'))
    return describe(wrongCall(error.message.replace(/\. .*/s, '')));
  const fault = fileFault(error);
  if (fault !== undefined) return { message: fault, code: EXIT_FAILED };
  if (ABSENT.includes(code)) {
    return { message: 'there are no tables of the platform in this database', code: EXIT_FAILED };
  }
  if (
    /^(ECONN|EHOSTUNREACH|ENOTFOUND|EAI_|ETIMEDOUT|08|28|3D|53|57|service\.unavailable)/.test(code)
  ) {
    return { message: `a server does not answer or refuses us (${code})`, code: EXIT_UNAVAILABLE };
  }
  return { message: error.message, code: EXIT_FAILED };
}

/** What is wrong with a file or folder that somebody named; undefined for an error of anything else. */
export function fileFault(error: unknown): string | undefined {
  const { code, path } = Object(error);
  if (code === 'EISDIR') return 'a file is wanted, and not a folder';
  if (typeof path !== 'string') return undefined;
  if (code === 'ENOENT') return `there is no ${path}`;
  if (code === 'ENOTDIR') return `${path} is no folder`;
  if (code === 'EACCES' || code === 'EPERM') return `this user has no right to ${path}`;
  return undefined;
}

/** PostgreSQL's codes for a table and a schema that is not there. */
const ABSENT = ['42P01', '3F000'];
