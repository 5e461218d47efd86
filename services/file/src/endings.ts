/**
 * When files end: at the moment that their uploader named, some time after nobody shares them any more, and uploads when
 * they were given up. Each is hidden here; blobs and rows follow (`deletions.ts`).
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import { DAY_MS, HIDDEN_AT_ONCE, MEMBERS_LEFT_MS, PENDING_MS } from './limits.ts';
import { expireUploads } from './resumable-store.ts';
import type { FileTables } from './schema.ts';

type Query = Kysely<FileTables>;

/** Hides all files whose time has come. */
export async function hideEnded(
  query: Query,
  { now, retentionMs }: { now: number; retentionMs: number },
): Promise<void> {
  const endings = [
    // Index: files_expiring.
    sql<boolean>`state = 'stored' and expires_at <= ${new Date(now)}`,
    // Index: files_unshared.
    sql<boolean>`state = 'stored' and unshared_at < ${new Date(now - retentionMs)}`,
  ];
  for (const ended of endings) while (await hideSome(query, ended));
  while (await hideDead(query, new Date(now - PENDING_MS)));
  while (await expireUploads(query, { now: new Date(now), limit: HIDDEN_AT_ONCE }));
}

/** True when there may be more. What another process is about to hide is left to it. */
async function hideSome(query: Query, ended: RawBuilder<boolean>): Promise<boolean> {
  const { rows } = await sql`
    update files set state = 'deleting'
    where id in (select id from files where ${ended} limit ${HIDDEN_AT_ONCE} for update skip locked)
      and ${ended}
    returning id
  `.execute(query);
  return rows.length === HIDDEN_AT_ONCE;
}

/**
 * The same for what a process left that died: it is not its uploader who pays for that, so the day that it was begun on
 * has all of its bytes back. Index: files_unsettled.
 */
async function hideDead(query: Query, before: Date): Promise<boolean> {
  const { rows } = await sql<{ count: number }>`
    with dead as (
      select id from files
      where state = 'pending' and created_at < ${before}
        and not exists (select from uploads where file = files.id)
      limit ${HIDDEN_AT_ONCE} for update skip locked
    ), hidden as (
      update files set state = 'deleting' from dead where files.id = dead.id
      returning owner, (created_at at time zone 'UTC')::date as day, size
    ), given_back as (
      update usage_days set bytes = greatest(0, usage_days.bytes - owed.bytes)
      from (select owner, day, sum(size) as bytes from hidden group by owner, day) as owed
      where usage_days.owner = owed.owner and usage_days.day = owed.day
    )
    select count(*)::int as count from hidden
  `.execute(query);
  return rows[0]?.count === HIDDEN_AT_ONCE;
}

/** Forgets departures that no late event can contradict, and days whose bytes count no more, by whichever clock. */
export async function forgetPast(query: Query, now: number): Promise<void> {
  await query
    .deleteFrom('members')
    .where('is_member', '=', false)
    .where('heard_at', '<', new Date(now - MEMBERS_LEFT_MS))
    .execute();
  const yesterday = new Date(now - DAY_MS).toISOString().slice(0, 10);
  await query.deleteFrom('usage_days').where('day', '<', yesterday).execute();
}
