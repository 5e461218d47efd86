/**
 * How often something may be done because another account asked for it, or sent what could not be read: by account, since
 * anybody has as many devices as they make. Kept in the store: a restart gives nothing back.
 */
import * as z from 'zod/mini';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';

/** So many at once, and then one in each `everyMs`. */
export interface Budget {
  readonly burst: number;
  readonly everyMs: number;
}

const Purse = z.object({ left: z.number(), at: z.number() });

/** Spends as much of what is wanted as is left, and says how much that is. */
export async function spend(
  transaction: StoreTransaction,
  key: string,
  { budget, wanted = 1, now }: { budget: Budget; wanted?: number; now: number },
): Promise<number> {
  const { burst, everyMs } = budget;
  const purse = (await getRecord(transaction, key, Purse)) ?? { left: burst, at: now };
  const earned = Math.max(0, now - purse.at) / everyMs;
  const left = Math.min(burst, purse.left + earned);
  const spent = Math.min(wanted, Math.floor(left));
  await putRecord(transaction, key, [Purse, { left: left - spent, at: now }]);
  return spent;
}
