/**
 * SQL on the bytes that owners bring in a day of UTC. The database's clock says which day it is: it also dates the files,
 * so what a file did not bring goes back to the day that it was taken from.
 */
import type { FileId, UserId } from '@sotto/api';
import { type Kysely, sql } from 'kysely';
import type { FileTables } from './schema.ts';

const TODAY = sql<string>`(now() at time zone 'UTC')::date`;

/** What the owner has brought today, and for how long today lasts. To reserve, call `lockUsage` first. */
export async function readToday(
  query: Kysely<FileTables>,
  owner: UserId,
): Promise<{ bytes: number; secondsLeft: number }> {
  const { rows } = await sql<{ bytes: number; seconds_left: number }>`
    select coalesce((select bytes from usage_days where owner = ${owner} and day = ${TODAY}), 0) as bytes,
      ceil(extract(epoch from ${TODAY} + 1 - (now() at time zone 'UTC')))::int as seconds_left
  `.execute(query);
  const [today] = rows;
  if (today === undefined) throw new Error('a select without a table gives one row');
  return { bytes: today.bytes, secondsLeft: today.seconds_left };
}

/** Counts bytes for today. To reserve them, call `lockUsage` first. */
export async function takeFromToday(
  query: Kysely<FileTables>,
  owner: UserId,
  bytes: number,
): Promise<void> {
  await sql`
    insert into usage_days as today (owner, day, bytes) values (${owner}, ${TODAY}, ${bytes})
    on conflict (owner, day) do update set bytes = today.bytes + excluded.bytes
  `.execute(query);
}

/**
 * Gives bytes that a file was to bring, and never will, back to the day that it was begun on. Call it while the file is
 * pending: one that was settled has given them back, also when nobody heard of it, and nothing changes.
 */
export async function giveBackToDay(
  query: Kysely<FileTables>,
  file: FileId,
  bytes: number,
): Promise<void> {
  await sql`
    with pending as (
      -- Locked: a commit whose answer was lost may be under way still.
      select owner, created_at from files where id = ${file} and state = 'pending' for update
    )
    update usage_days set bytes = greatest(0, usage_days.bytes - ${bytes})
    from pending where usage_days.owner = pending.owner
      and usage_days.day = (pending.created_at at time zone 'UTC')::date
  `.execute(query);
}
