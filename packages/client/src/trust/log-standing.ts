/**
 * What this device has seen of the key log, and what follows from it for sending: read and written within the store
 * transactions of those who send and receive. `key-log.ts` asks the platform.
 */
import { bytesOf, type UserId } from '@sotto/api';
import { CryptoError, compareHeads, type Head } from '@sotto/crypto';
import * as z from 'zod/mini';
import { HeadRecord, sameBytes } from '../account/records.ts';
import { ClientError } from '../errors.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord, getSharedRecord, putRecord } from '../store/stored-record.ts';

/** The log as it was met first: never another one after that. */
export const LogPin = z.object({ logKey: bytesOf(32), blindingKey: bytesOf(32) });
export type LogPin = z.infer<typeof LogPin>;

/** The largest tree seen, and when its head was signed, by the log's clock; that is absent in older stores. */
export const SeenTree = z.object({ size: z.int(), root: bytesOf(32), time: z.optional(z.int()) });
export type SeenTree = z.infer<typeof SeenTree>;

/** Our own newest leaf, and the identity that it was found to be of. */
export const OwnLeaf = z.object({ identityKey: bytesOf(32), head: HeadRecord });
export type OwnLeaf = z.infer<typeof OwnLeaf>;

/** A contact's newest leaf. */
export const ContactLeaf = z.object({
  /** As the log has it, and the identity that it was found to be of. */
  identityKey: z.optional(bytesOf(32)),
  head: z.optional(HeadRecord),
  /** A later one that the contact names in its messages: to be looked up before the next send. */
  claimed: z.optional(HeadRecord),
  /** The code of the `CryptoError` that stands against it. */
  broken: z.optional(z.string()),
});
export type ContactLeaf = z.infer<typeof ContactLeaf>;

/** Why nothing is sent to anybody until a person has decided. */
export const LogAlarm = z.object({
  code: z.enum(['account.compromised', 'key-log.broken']),
  /** The code of the `CryptoError` behind it. */
  cause: z.string(),
});
export type LogAlarm = z.infer<typeof LogAlarm>;

/**
 * How a contact stands in the log: `unproven` before its identity was found there, `doubtful` when it names a leaf
 * that was not looked up yet.
 */
export type Standing = 'unproven' | 'doubtful' | 'proven';

/** Throws `account.compromised` when that alarm was raised and nobody has decided yet. */
export async function assertNotCompromised(transaction: StoreTransaction): Promise<void> {
  const alarm = await getRecord(transaction, keys.logAlarm, LogAlarm);
  if (alarm?.code === 'account.compromised') throw alarmError(alarm);
}

/** Throws `account.compromised` or `key-log.broken` when an alarm was raised and nobody has decided yet. */
export async function assertNoAlarm(transaction: StoreTransaction): Promise<void> {
  const alarm = await getRecord(transaction, keys.logAlarm, LogAlarm);
  if (alarm !== undefined) throw alarmError(alarm);
}

/** How a contact with this identity stands. Throws `key-log.broken` when something is known against it. */
export async function standingOf(
  transaction: StoreTransaction,
  user: UserId,
  identityKey: Uint8Array,
): Promise<Standing> {
  const leaf = await getSharedRecord(transaction, keys.logLeaf(user), ContactLeaf);
  if (leaf?.broken !== undefined) {
    throw alarmError({ code: 'key-log.broken', cause: leaf.broken });
  }
  const isProven = leaf?.identityKey !== undefined && sameBytes(leaf.identityKey, identityKey);
  if (!isProven) return 'unproven';
  return leaf?.claimed === undefined ? 'proven' : 'doubtful';
}

/** Whether a contact was not found in the log yet, and nothing is known against it. */
export async function isUnproven(
  transaction: StoreTransaction,
  { user, identityKey }: { readonly user: UserId; readonly identityKey: Uint8Array },
): Promise<boolean> {
  const leaf = await getSharedRecord(transaction, keys.logLeaf(user), ContactLeaf);
  if (leaf?.broken !== undefined) return false;
  return leaf?.identityKey === undefined || !sameBytes(leaf.identityKey, identityKey);
}

/** Our own newest leaf, for the envelopes of what we send. Throws `store.invalid` before it was looked up. */
export async function requireOwnHead(transaction: StoreTransaction): Promise<Head> {
  const leaf = await getRecord(transaction, keys.logOwnLeaf, OwnLeaf);
  if (leaf !== undefined) return leaf.head;
  throw new ClientError('store.invalid', 'nothing may be sent before the key log was asked');
}

/**
 * Takes down the leaf that a contact names in a message. Throws `head.rolled-back` when it is older than one seen of
 * it, and `head.forked` when it is another one of the same version: then nothing is sent to the contact any more.
 */
export async function noteClaim(
  transaction: StoreTransaction,
  user: UserId,
  claimed: Head,
): Promise<void> {
  const leaf = (await getSharedRecord(transaction, keys.logLeaf(user), ContactLeaf)) ?? {};
  const put = (changed: ContactLeaf) =>
    putRecord(transaction, keys.logLeaf(user), [ContactLeaf, changed]);
  try {
    if (compareHeads(leaf.claimed ?? leaf.head, claimed) === 'same') return;
  } catch (error) {
    if (isForked(error)) await put({ ...leaf, broken: error.code });
    throw error;
  }
  await put({ ...leaf, claimed: { version: claimed.version, hash: claimed.hash } });
}

/** Whether it is the key log that keeps something from being judged: until a person decides, or a witness comes by. */
export function isUnjudged(error: unknown): error is ClientError {
  if (!(error instanceof ClientError)) return false;
  return error.code === 'key-log.broken' || error.code === 'key-log.unwitnessed';
}

/** The error for an alarm. */
export function alarmError({ code, cause }: LogAlarm): ClientError {
  const what =
    code === 'account.compromised'
      ? 'the key log has an identity of this account that was not made here'
      : 'the key log is not what it was before';
  return new ClientError(code, `${what}: ${cause}`);
}

function isForked(error: unknown): error is CryptoError {
  return error instanceof CryptoError && error.code === 'head.forked';
}
