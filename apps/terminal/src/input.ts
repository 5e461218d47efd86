/** What a person types, and what stands in files: names, passwords, passphrases. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { CommandError, EXIT, wrongCall } from './exit-code.ts';
import { INPUT_BYTES_MAX } from './limits.ts';

/** Asks on standard error, so that what a command prints can be piped. */
export interface Asking {
  /** Shows what is typed. */
  line(question: string): Promise<string>;
  /** Does not. */
  secret(question: string): Promise<string>;
}

/** Asks whoever sits at this terminal; undefined when nobody does. Rejects with {@link Interrupted}, also by the signal. */
export function askingPerson(signal: AbortSignal): Asking | undefined {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  return {
    line: (question) => ask(question, { output: process.stderr, signal }),
    secret: (question) => askSecret(question, signal),
  };
}

async function askSecret(question: string, signal: AbortSignal): Promise<string> {
  process.stderr.write(question);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const answer = await ask('', { output: nowhere, signal });
  process.stderr.write('\n');
  return answer;
}

async function ask(
  question: string,
  { output, signal }: { readonly output: NodeJS.WritableStream; readonly signal: AbortSignal },
): Promise<string> {
  const lines = createInterface({ input: process.stdin, output, terminal: true });
  const ended = Promise.withResolvers<never>();
  const end = () => ended.reject(new Interrupted());
  lines.once('SIGINT', end);
  lines.once('close', end);
  signal.addEventListener('abort', end);
  if (signal.aborted) end();
  try {
    return await Promise.race([lines.question(question), ended.promise]);
  } finally {
    lines.off('close', end);
    signal.removeEventListener('abort', end);
    lines.close();
  }
}

/** A person has pressed Ctrl+C or Ctrl+D instead of answering. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';

  constructor() {
    super('interrupted');
  }
}

/** The first line of a file, or of standard input for `-`. Throws a `CommandError` when it cannot be read. */
export async function secretFrom(path: string): Promise<string> {
  const text = path === '-' ? await readInput() : readSecretFile(path);
  const line = text.split(/\r?\n/u)[0] ?? '';
  if (line === '') throw new CommandError(`${path} is empty`, EXIT.input);
  return line;
}

/** All of standard input. Throws a `CommandError` for more than any message may have. */
export async function readInput(): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of process.stdin) {
    const bytes = Buffer.from(piece);
    length += bytes.length;
    if (length > INPUT_BYTES_MAX) {
      throw new CommandError('this is too long for a message: send it as a file', EXIT.data);
    }
    pieces.push(bytes);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(pieces));
  } catch (cause) {
    throw new CommandError('standard input is no text in UTF-8: send it as a file', EXIT.data, {
      cause,
    });
  }
}

/** The address of a platform as its origin. Throws a `CommandError` for what is none. */
export function originOf(text: string): string {
  const isNear = /^(localhost|127\.|\[::1\])/u.test(text);
  const url = URL.parse(text.includes('://') ? text : `${isNear ? 'http' : 'https'}://${text}`);
  if (url === null || !/^https?:$/u.test(url.protocol)) {
    throw wrongCall('--url is an address such as https://chat.example.org');
  }
  return url.origin;
}

function readSecretFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new CommandError(`${path} cannot be read`, EXIT.input, { cause });
  }
}
