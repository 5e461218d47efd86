/**
 * A time that has passed, whatever this machine's clock is worth: it may be wrong for an hour, so a time counts once a
 * later run has confirmed it. The platform's clock has no say in it: one that held time back would have us keep what is
 * to be forgotten.
 */
import * as z from 'zod/mini';
import { TIME_CONFIRMED_MS } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';

/** Of the last run that counts, one that came a day after another one or after the clock had gone back; and the one before. */
const RunTime = z.object({ at: z.number(), confirmed: z.optional(z.number()) });

/**
 * The time of the run before, once a day; undefined otherwise. When the clock has gone back, it was wrong then or is now:
 * it begins anew.
 */
export async function confirmRun(
  transaction: StoreTransaction,
  now: number,
): Promise<number | undefined> {
  const before = await getRecord(transaction, keys.runTime, RunTime);
  const isBack = before !== undefined && now < before.at;
  if (before && !isBack && now - before.at < TIME_CONFIRMED_MS) return undefined;
  const confirmed = isBack ? undefined : before?.at;
  const run = { at: now, ...(confirmed !== undefined && { confirmed }) };
  await putRecord(transaction, keys.runTime, [RunTime, run]);
  return confirmed;
}

/** What the last run has confirmed; undefined where no time is known to have passed. */
export async function confirmedTime(transaction: StoreTransaction): Promise<number | undefined> {
  return (await getRecord(transaction, keys.runTime, RunTime))?.confirmed;
}
