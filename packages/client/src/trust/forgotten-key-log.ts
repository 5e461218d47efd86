/** What was seen of a key log that a person no longer goes by. Not with the log: few pages need it at once. */
import { keys } from '../store/key-space.ts';
import type { Store } from '../store/store.ts';
import { getRecord } from '../store/stored-record.ts';
import { alarmError, LogAlarm } from './log-standing.ts';

/** Goes on with a log that is not what it was: what was seen of it is forgotten. Throws `account.compromised`. */
export function forgetKeyLog(store: Store): Promise<void> {
  return store.transaction(async (transaction) => {
    const alarm = await getRecord(transaction, keys.logAlarm, LogAlarm);
    if (alarm?.code === 'account.compromised') throw alarmError(alarm);
    for (const key of [keys.logAlarm, keys.logPin, keys.logTree, keys.logOwnLeaf]) {
      await transaction.delete(key);
    }
    for (;;) {
      const leaves = await transaction.list({ prefix: keys.logLeaves, limit: 100 });
      if (leaves.length === 0) return;
      for (const { key } of leaves) await transaction.delete(key);
    }
  });
}
