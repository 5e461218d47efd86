/** What a command is given, and how it comes to its account. */
import { existsSync } from 'node:fs';
import type { Client } from '@sotto/client';
import { connectWithin } from './account/connect.ts';
import {
  type AccountFolder,
  findAccount,
  isOpenToOthers,
  storePathOf,
} from './account/data-directory.ts';
import { type OpenAccount, openAccount } from './account/open-account.ts';
import { type Arguments, timeoutOf } from './arguments.ts';
import { CommandError, EXIT } from './exit-code.ts';
import { type Asking, originOf, secretFrom } from './input.ts';
import { safeLine } from './safe-text.ts';
import { noteNotices } from './scripts/alarm-notes.ts';

/** Where a command writes. */
export interface Output {
  /** A line of the result, on standard output. */
  out(line: string): void;
  /** A line about it, on standard error. */
  note(line: string): void;
  readonly isTerminal: boolean;
  /** How wide lines about it may be where a person reads them. */
  readonly columns: number;
}

/** One call of a command. */
export interface Call extends Arguments {
  readonly output: Output;
  /** Undefined when nobody sits there to answer. */
  readonly asking: Asking | undefined;
  /** The data directory. */
  readonly directory: string;
  /** Against which paths are read. */
  readonly workingDirectory: string;
  /** Aborted by Ctrl+C, and when whoever reads the output is gone. */
  readonly signal: AbortSignal;
}

/** The platform where nothing names one: `npm start` on this machine. */
export const DEFAULT_URL = 'http://localhost:8080';

/** The origin that a call names. */
export function urlOf({ options }: Call): string | undefined {
  return options.url === undefined ? undefined : originOf(options.url);
}

/** The account that a call speaks of. Throws a `CommandError`. */
export function accountOf(call: Call): AccountFolder {
  return findAccount(call.directory, { username: call.options.as, url: urlOf(call) });
}

/** Runs work on an account that was opened, and connected, for it, and tells what a person should know of it at the end. */
export async function withClient<T>(
  call: Call,
  work: (client: Client, account: OpenAccount) => Promise<T>,
): Promise<T> {
  return withAccount(call, accountOf(call), async (account) => {
    const timeoutMs = timeoutOf(call.options);
    await connectWithin(account.client, { timeoutMs, signal: call.signal });
    try {
      return await work(account.client, account);
    } finally {
      // What cannot be read now, as after an interruption, waits for the next call.
      await noteNotices(call.output, account.client).catch(() => {});
    }
  });
}

/** The same without a connection, for an account that may be new. */
export async function withAccount<T>(
  call: Call,
  folder: AccountFolder,
  work: (account: OpenAccount) => Promise<T>,
): Promise<T> {
  const { options, words, asking } = call;
  const passphrase = await passphraseOf(call, folder);
  const program = `sotto ${words[0] ?? ''}`.trim();
  const askPassphrase = asking && (() => asking.secret('Passphrase: '));
  const timeoutMs = timeoutOf(options);
  const account = await openAccount(folder, { program, passphrase, askPassphrase });
  const close = account.close.bind(account);
  call.signal.addEventListener('abort', () => void close(), { once: true });
  try {
    return await interruptible(work(account), call.signal);
  } finally {
    await withinTime(close(), timeoutMs);
  }
}

/**
 * The passphrase that a call gives, or that a person types for it: twice for a new store, which nothing opens after a slip.
 * Throws a `CommandError`.
 */
export async function passphraseOf(
  { options, asking }: Call,
  folder: AccountFolder,
): Promise<string | undefined> {
  const file = options['passphrase-file'];
  if (file !== undefined) return secretFrom(file);
  if (options.passphrase !== true) return undefined;
  if (asking === undefined) {
    throw new CommandError('there is nobody to ask: --passphrase-file FILE', EXIT.usage);
  }
  const passphrase = await asking.secret('Passphrase: ');
  const isNew = !existsSync(storePathOf(folder));
  if (!isNew || passphrase === (await asking.secret('The same again: '))) return passphrase;
  throw new CommandError('these were two: begin again', EXIT.usage);
}

/** A password that is in a file, or that a person types. */
export async function passwordOf(call: Call, question: string): Promise<string> {
  return secretOf(call, 'password-file', question);
}

/** Any secret that is in the file of an option, or that a person types. Throws a `CommandError`. */
export async function secretOf(
  { options, asking }: Call,
  name: 'password-file' | 'recovery-code-file',
  question: string,
): Promise<string> {
  const file = options[name];
  if (file !== undefined) return secretFrom(file);
  if (asking !== undefined) return asking.secret(question);
  throw new CommandError(`there is nobody to ask: --${name} FILE`, EXIT.usage);
}

/** Tells whoever gave a data directory of which others can read whose accounts are in it. */
export function noteOpenDirectory({ directory, output }: Call): void {
  if (!isOpenToOthers(directory)) return;
  output.note(`others on this machine can see whose accounts are in ${safeLine(directory)}`);
}

async function interruptible<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  work.catch(() => {}); // It ends in its own way once the account is closed.
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Closing waits for what is under way; a platform that does not answer is not waited for without end. */
async function withinTime(closing: Promise<void>, timeoutMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeoutMs);
  try {
    await Promise.race([closing, promise]);
  } finally {
    clearTimeout(timer);
  }
}
