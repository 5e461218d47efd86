/** What stands in the way of sending until a person has decided, as the store keeps it over a restart. */
import { UserId } from '@sotto/api';
import { Peer } from '../account/records.ts';
import { STORE_PAGE } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import type { Store, StoreEntry } from '../store/store.ts';
import { decodeRecord, getRecord } from '../store/stored-record.ts';
import { ContactLeaf, LogAlarm } from './log-standing.ts';
import { type Notice, readNotices } from './notices.ts';

/** Alarms and notices that wait for a person; none of them passes by itself. `GroupRecord.broken` has those of groups. */
export interface Alarms {
  /** Nothing is sent to anybody: told as `account-compromised`, or as `key-log-broken` without a user. */
  readonly general?: LogAlarm['code'];
  /** Contacts whose identity is not the one seen before: `acceptIdentity` goes on. */
  readonly identityChanged: readonly UserId[];
  /** Contacts against whom the key log stands: `acceptIdentity` goes on, too. */
  readonly logBroken: readonly UserId[];
  /** What has happened, and `dismissNotice` has not put away. */
  readonly notices: readonly Notice[];
}

/** Reads them. Throws `store.closed` and `store.invalid`. */
export async function readAlarms(store: Store): Promise<Alarms> {
  const alarm = await store.transaction((transaction) =>
    getRecord(transaction, keys.logAlarm, LogAlarm),
  );
  const identityChanged: UserId[] = [];
  for await (const { value } of entriesUnder(store, keys.peers)) {
    const { user, changedTo } = decodeRecord(Peer, value);
    if (changedTo !== undefined) identityChanged.push(user);
  }
  const logBroken: UserId[] = [];
  for await (const { key, value } of entriesUnder(store, keys.logLeaves)) {
    const { broken } = decodeRecord(ContactLeaf, value);
    if (broken !== undefined) logBroken.push(UserId.parse(key.slice(keys.logLeaves.length)));
  }
  const notices = await readNotices(store);
  return { ...(alarm && { general: alarm.code }), identityChanged, logBroken, notices };
}

async function* entriesUnder(store: Store, prefix: string): AsyncGenerator<StoreEntry> {
  for (let after: string | undefined; ; ) {
    const range = { prefix, limit: STORE_PAGE, ...(after !== undefined && { after }) };
    const page = await store.transaction((transaction) => transaction.list(range));
    yield* page;
    after = page.at(-1)?.key;
    if (page.length < STORE_PAGE) return;
  }
}
