/**
 * What a person is to be told once. It stays in the store until they have seen it: neither the end of an application nor
 * another one that was there first, such as a script, takes a warning away.
 */
import { UserId } from '@sotto/api';
import * as z from 'zod/mini';
import { keys } from '../store/key-space.ts';
import type { Store, StoreTransaction } from '../store/store.ts';
import { decodeRecord, entriesUnder, getRecord, putRecord } from '../store/stored-record.ts';

/** What has happened, as the event of the same name tells it; of the same kind and person the newest. */
export const Notice = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('store-behind') }),
  z.object({ kind: z.literal('history-lost') }),
  /** When the backup was put back, in milliseconds by the platform's clock. */
  z.object({ kind: z.literal('key-log-restored'), time: z.number() }),
  z.object({
    kind: z.literal('device-list-warning'),
    user: UserId,
    warning: z.enum(['stale', 'ahead', 'refused']),
  }),
]);
export type Notice = z.infer<typeof Notice>;

/** Has a person told of something, in the transaction that has found it. */
export function noteNotice(transaction: StoreTransaction, notice: Notice): Promise<void> {
  return putRecord(transaction, keyOf(notice), [Notice, notice]);
}

/** What nobody has seen yet. Throws `store.closed` and `store.invalid`. */
export function readNotices(store: Store): Promise<Notice[]> {
  return store.transaction(async (transaction) => {
    const found: Notice[] = [];
    for await (const { value } of entriesUnder(transaction, keys.notices)) {
      found.push(decodeRecord(Notice, value));
    }
    return found;
  });
}

/** A person has seen it. Another one that has taken its place meanwhile stays. */
export function dismissNotice(store: Store, seen: Notice): Promise<void> {
  return store.transaction(async (transaction) => {
    const there = await getRecord(transaction, keyOf(seen), Notice);
    if (there === undefined || detailOf(there) !== detailOf(seen)) return;
    await transaction.delete(keyOf(seen));
  });
}

function keyOf(notice: Notice): string {
  const { kind } = notice;
  return kind === 'device-list-warning' ? keys.noticeOf(kind, notice.user) : keys.notice(kind);
}

/** What tells one from another of the same kind and person. */
function detailOf(notice: Notice): unknown {
  if (notice.kind === 'key-log-restored') return notice.time;
  return notice.kind === 'device-list-warning' ? notice.warning : undefined;
}
