/**
 * Private halves that nobody can use any more go. What goes is lost for good, so ages count only up to a time that has
 * passed for certain.
 */
import { ONE_TIME_PREKEY_KEPT_MS, SIGNED_PREKEY_KEPT_MS } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord, entriesUnder, putRecord } from '../store/stored-record.ts';
import { confirmRun } from './confirmed-time.ts';
import { OneTimePrekeyRecord, SignedPrekeyRecord } from './records.ts';

export interface Holdings {
  /** The newest last. */
  readonly signed: readonly SignedPrekeyRecord[];
  /** How many one-time prekeys the platform has not given away yet. */
  readonly waiting: number;
  readonly now: number;
}

interface Times {
  readonly now: number;
  /** A time that has passed, whatever `now` is worth. */
  readonly confirmed: number;
}

/** Deletes what was replaced, or given away and not used, long ago. To be run often: most runs of a day do nothing. */
export async function forgetUnusable(
  transaction: StoreTransaction,
  { signed, waiting, now }: Holdings,
): Promise<void> {
  const confirmed = await confirmRun(transaction, now);
  if (confirmed === undefined) return;
  await forgetSigned(transaction, signed, { now, confirmed });
  await forgetOneTime(transaction, waiting, { now, confirmed });
}

async function forgetSigned(
  transaction: StoreTransaction,
  signed: readonly SignedPrekeyRecord[],
  times: Times,
): Promise<void> {
  for (const [index, record] of signed.entries()) {
    const key = keys.signedPrekey(record.id);
    const next = signed[index + 1];
    if (next?.published && isOlder(next.publishedAt, SIGNED_PREKEY_KEPT_MS, times)) {
      await transaction.delete(key);
    } else if (record.published && isUntimed(record.publishedAt, times)) {
      const mended = { ...record, publishedAt: times.now };
      await putRecord(transaction, key, [SignedPrekeyRecord, mended]);
    }
  }
}

/** The lowest ids are given away first, so those that wait are the highest of what is published. */
async function forgetOneTime(
  transaction: StoreTransaction,
  waiting: number,
  times: Times,
): Promise<void> {
  const mayWait: OneTimePrekeyRecord[] = [];
  for await (const { value } of entriesUnder(transaction, keys.oneTimePrekeys)) {
    const record = decodeRecord(OneTimePrekeyRecord, value);
    if ((await transaction.get(keys.unpublishedPrekey(record.id))) !== undefined) continue;
    mayWait.push(record);
    const claimed = mayWait.length > waiting ? mayWait.shift() : undefined;
    if (claimed !== undefined) await forgetClaimed(transaction, claimed, times);
  }
}

async function forgetClaimed(
  transaction: StoreTransaction,
  record: OneTimePrekeyRecord,
  times: Times,
): Promise<void> {
  const key = keys.oneTimePrekey(record.id);
  if (isOlder(record.claimedAt, ONE_TIME_PREKEY_KEPT_MS, times)) await transaction.delete(key);
  else if (isUntimed(record.claimedAt, times)) {
    const timed = { ...record, claimedAt: times.now };
    await putRecord(transaction, key, [OneTimePrekeyRecord, timed]);
  }
}

function isOlder(since: number | undefined, ageMs: number, { confirmed }: Times): boolean {
  return since !== undefined && confirmed - since > ageMs;
}

/** What has no time yet counts from now, and so does what a clock that was ahead has noted: it would never grow old. */
function isUntimed(since: number | undefined, { now }: Times): boolean {
  return since === undefined || since > now;
}
