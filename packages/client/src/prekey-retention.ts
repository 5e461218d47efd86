/**
 * Private halves that nobody can use any more go. What goes is lost for good, and this machine's clock may be wrong for
 * an hour, so ages count only up to a time that a later run has confirmed. The platform's clock has no say in it: one
 * that held time back would have us keep what is to be forgotten.
 */
import { z } from 'zod';
import { SIGNED_PREKEY_KEPT_MS, TIME_CONFIRMED_MS } from './limits.ts';
import { getRecord, keys, putRecord, SignedPrekeyRecord } from './records.ts';
import type { StoreTransaction } from './store.ts';

/** Times of runs, in milliseconds by this machine's clock. */
const RunTimes = z.object({
  /** Not confirmed yet. */
  latest: z.number(),
  /** A run a day later or more has found the clock ahead of it. */
  confirmed: z.number().optional(),
});

export interface Holdings {
  /** The newest last. */
  readonly signed: readonly SignedPrekeyRecord[];
  readonly now: number;
}

/** Deletes what was replaced long ago. To be run often: each run confirms the times of those before. */
export async function forgetUnusable(
  transaction: StoreTransaction,
  { signed, now }: Holdings,
): Promise<void> {
  const { confirmed, isConfirming } = await noteRun(transaction, now);
  for (const [index, { id }] of signed.entries()) {
    const next = signed[index + 1];
    if (next?.published && isOlder(next.publishedAt, SIGNED_PREKEY_KEPT_MS, confirmed)) {
      await transaction.delete(keys.signedPrekey(id));
    } else if (isConfirming) {
      await mendTime(transaction, signed[index]!, now);
    }
  }
}

/** When the clock has gone back, it was wrong before or is wrong now: confirming begins anew. */
async function noteRun(
  transaction: StoreTransaction,
  now: number,
): Promise<{ confirmed: number | undefined; isConfirming: boolean }> {
  const known = await getRecord(transaction, keys.runTimes, RunTimes);
  if (known === undefined || now < known.latest) {
    await putRecord(transaction, keys.runTimes, [RunTimes, { latest: now }]);
    return { confirmed: undefined, isConfirming: false };
  }
  if (now - known.latest < TIME_CONFIRMED_MS) {
    return { confirmed: known.confirmed, isConfirming: false };
  }
  const confirmed = known.latest;
  await putRecord(transaction, keys.runTimes, [RunTimes, { latest: now, confirmed }]);
  return { confirmed, isConfirming: true };
}

function isOlder(since: number | undefined, ageMs: number, confirmed: number | undefined): boolean {
  return since !== undefined && confirmed !== undefined && confirmed - since > ageMs;
}

/** What was noted by a clock that was ahead would never grow old: it counts from now. */
async function mendTime(
  transaction: StoreTransaction,
  record: SignedPrekeyRecord,
  now: number,
): Promise<void> {
  if (!record.published || (record.publishedAt ?? Number.POSITIVE_INFINITY) <= now) return;
  const mended = { ...record, publishedAt: now };
  await putRecord(transaction, keys.signedPrekey(record.id), [SignedPrekeyRecord, mended]);
}
