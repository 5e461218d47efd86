/** Which devices are connected, to which node, and who lets others see it. */
import { type Kysely, sql } from 'kysely';

export async function presence(transaction: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(transaction);
}

const STATEMENTS = [
  // One row for each process, which says every other second that it lives: a dead one's connections count for nothing.
  'create table nodes (node uuid primary key, seen_at timestamptz not null)',
  // connected_at tells which of two nodes has the newer socket of a device. No foreign key: rows outlive their node.
  `create table connections (
    device uuid primary key,
    user_id uuid not null,
    node uuid not null,
    connected_at timestamptz not null
  ) with (fillfactor = 70)`,
  'create index connections_user on connections (user_id)',
  'create index connections_node on connections (node)',
  // Only for those who were here, or who hide: no row says visible, and not seen yet. last_seen is as coarse as it is told.
  `create table presence (
    user_id uuid primary key,
    visible boolean not null default true,
    last_seen timestamptz,
    announced_at timestamptz
  ) with (fillfactor = 70)`,
];
