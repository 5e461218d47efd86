/** What a witness keeps on disk: its key, what it knows of the log, and what it has caught the log at. */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { bytesOf, decodeBase64url, encodeBase64url } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import {
  decodeTreeHead,
  type SigningKeyPair,
  signingKeyPairOf,
  signingSeed,
} from '@sotto/crypto/verify';
import { z } from 'zod';
import type { Alarm } from './alarm.ts';
import type { Followed } from './follow.ts';

const KEY_FILE = 'witness.key';
const STATE_FILE = 'state.json';
const LOCK_FILE = 'witness.lock';

const Hash = bytesOf(32);

const State = z.strictObject({
  version: z.literal(1),
  logKey: Hash,
  head: bytesOf(113),
  peaks: z.array(Hash).max(64),
  accounts: z.record(z.string(), z.tuple([z.int().min(1), Hash])),
});

/**
 * Keeps a second witness out of a directory until this process ends, however it ends: two would undo what each other has
 * written, and sign in one name. Throws when one is there. SQLite, because its lock is the operating system's.
 */
export function lockState(directory: string): { close(): void } {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const lock = new DatabaseSync(join(directory, LOCK_FILE), { timeout: 0 });
  try {
    lock.exec('begin exclusive');
  } catch (cause) {
    lock.close();
    throw new Error(`another witness works in ${directory}`, { cause });
  }
  return lock;
}

/** The witness's own key, made at its first run. Whoever has the file can sign in its name. */
export function loadWitnessKey(directory: string): SigningKeyPair<'witness'> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, KEY_FILE);
  if (!existsSync(file)) writeDurably(directory, KEY_FILE, `${encodeBase64url(randomBytes(32))}\n`);
  const seed = decodeBase64url(readFileSync(file, 'utf8').trim());
  return signingKeyPairOf(nodeProvider, signingSeed<'witness'>(seed));
}

/** The public half, as the platform's configuration names it. */
export function witnessKeyText({ publicKey }: SigningKeyPair<'witness'>): string {
  return encodeBase64url(publicKey);
}

/** What was followed so far; undefined at the first run. Throws for a file that is damaged: to begin anew is a person's choice. */
export function loadState(directory: string): Followed | undefined {
  const file = join(directory, STATE_FILE);
  if (!existsSync(file)) return undefined;
  const { logKey, head, peaks, accounts } = parseState(file);
  const { size } = decodeTreeHead(head).head;
  const heads = Object.entries(accounts).map(([account, [version, hash]]) => {
    return [account, { version, hash }] as const;
  });
  return { logKey, head, tree: { size, peaks }, accounts: new Map(heads) };
}

/**
 * Puts what was followed in the place of what was there before; after a crash it is the one or the other. A log that has not
 * moved is on the disk already, and its state may be large.
 */
export function saveState(directory: string, followed: Followed, before?: Followed): void {
  const { logKey, head, tree, accounts } = followed;
  if (before !== undefined && Buffer.from(head).equals(before.head)) return;
  const heads = [...accounts].map(
    ([account, { version, hash }]): [string, [number, Uint8Array]] => {
      return [account, [version, hash]];
    },
  );
  const state: z.output<typeof State> = {
    ...{ version: 1, logKey, head, peaks: [...tree.peaks] },
    accounts: Object.fromEntries(heads),
  };
  writeDurably(directory, STATE_FILE, JSON.stringify(z.encode(State, state)));
}

/** Writes down what a log was caught at. The path of the file. */
export function saveEvidence(directory: string, { code, evidence }: Alarm): string {
  const at = new Date().toISOString();
  const name = `alarm-${at.replaceAll(':', '-')}.json`;
  writeDurably(directory, name, `${JSON.stringify({ at, code, ...evidence }, undefined, 2)}\n`);
  return join(directory, name);
}

function parseState(file: string): z.output<typeof State> {
  try {
    return z.decode(State, JSON.parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    throw new Error(`${file} cannot be read; move it away to follow the log from its beginning`, {
      cause,
    });
  }
}

function writeDurably(directory: string, name: string, text: string): void {
  const file = join(directory, name);
  const draft = `${file}.${process.pid}`;
  const handle = openSync(draft, 'w', 0o600);
  writeFileSync(handle, text);
  fsyncSync(handle);
  closeSync(handle);
  renameSync(draft, file);
  const parent = openSync(directory, 'r');
  fsyncSync(parent);
  closeSync(parent);
}
