/** SQL over the connections of devices, and over the nodes that have them. All times are the database's. */
import type { DeviceId, UserId } from '@sotto/api';
import type { Database } from '@sotto/runtime';
import { sql } from 'kysely';
import { LAST_SEEN_GRAIN_MS, NODE_DEAD_MS, NODE_FORGOTTEN_MS } from './limits.ts';
import type { Tables } from './schema.ts';

export type ConnectionDatabase = Pick<Database<Tables>, 'query'>;

/** A device that is connected. */
export interface ConnectionRow {
  readonly device: DeviceId;
  readonly user: UserId;
  /** When it connected, in microseconds since 1970, by the database's clock. */
  readonly arrival: number;
}

/** Those of some devices that are connected to a node that lives. Index: primary keys. */
export async function findConnected(
  { query }: ConnectionDatabase,
  devices: readonly DeviceId[],
): Promise<Set<DeviceId>> {
  if (devices.length === 0) return new Set();
  const { rows } = await sql<{ device: DeviceId }>`
    select c.device from connections c join nodes n on n.node = c.node
    where c.device = any(${devices}::uuid[]) and n.seen_at > now() - ${interval(NODE_DEAD_MS)}
  `.execute(query);
  return new Set(rows.map(({ device }) => device));
}

/**
 * Writes that devices are connected to a node, but for those that have since connected to another one. Rows go in one
 * order, so that two nodes never wait for each other in a circle. Index: primary key.
 */
export async function insertConnections(
  { query }: ConnectionDatabase,
  node: string,
  rows: readonly ConnectionRow[],
): Promise<void> {
  const devices = rows.map(({ device }) => device);
  const users = rows.map(({ user }) => user);
  const arrivals = rows.map(({ arrival }) => arrival);
  await sql`
    insert into connections (device, user_id, node, connected_at)
    select c.device, c.user_id, ${node}::uuid,
      timestamptz 'epoch' + c.arrival * interval '1 microsecond'
    from unnest(${devices}::uuid[], ${users}::uuid[], ${arrivals}::bigint[])
      as c (device, user_id, arrival)
    order by c.device
    on conflict (device) do update
      set user_id = excluded.user_id, node = excluded.node, connected_at = excluded.connected_at
      where connections.connected_at < excluded.connected_at
  `.execute(query);
}

/** Removes devices that were connected to a node, and notes that their users were here. Index: primary keys. */
export async function deleteConnections(
  { query }: ConnectionDatabase,
  node: string,
  devices: readonly DeviceId[],
): Promise<void> {
  await sql`
    with gone as (
      delete from connections where device in (
        select device from connections
        where device = any(${devices}::uuid[]) and node = ${node}
        order by device for update
      ) returning user_id
    )
    ${noteSeen(sql`select distinct user_id, now() as seen_at from gone`)}
  `.execute(query);
}

/** What a node learns by saying that it lives. */
export interface Beat {
  /** False when the others had given it up, and with it its connections. */
  isKnown: boolean;
  /** The other nodes that live. */
  others: string[];
}

/** Says that a node lives. Index: primary key; there are as many rows as nodes. */
export async function beat({ query }: ConnectionDatabase, node: string): Promise<Beat> {
  const { rows } = await sql<Beat>`
    with beat as (
      insert into nodes (node, seen_at) values (${node}, clock_timestamp())
      on conflict (node) do update set seen_at = excluded.seen_at
    )
    select exists (select from nodes where node = ${node}) as "isKnown",
      array(
        select node from nodes
        where node <> ${node} and seen_at > clock_timestamp() - ${interval(NODE_DEAD_MS)}
      ) as others
  `.execute(query);
  return rows[0] ?? { isKnown: false, others: [] };
}

/**
 * Removes nodes that died a while ago with their connections. Returns the devices that were connected to them, to the one
 * node of many whose sweep it was. Index: connections_node.
 */
export async function sweepNodes({ query }: ConnectionDatabase): Promise<DeviceId[]> {
  const { rows } = await sql<{ device: DeviceId }>`
    with dead as (
      delete from nodes where seen_at < clock_timestamp() - ${interval(NODE_FORGOTTEN_MS)}
      returning node, seen_at
    ), gone as (
      delete from connections c using dead where c.node = dead.node
      returning c.device, c.user_id, dead.seen_at
    ), noted as (
      ${noteSeen(sql`select user_id, max(seen_at) as seen_at from gone group by user_id`)}
    )
    select device from gone
  `.execute(query);
  return rows.map(({ device }) => device);
}

/** Removes a node that ends. Its connections are gone already. Index: primary key. */
export async function deleteNode({ query }: ConnectionDatabase, node: string): Promise<void> {
  await query.deleteFrom('nodes').where('node', '=', node).execute();
}

/** Milliseconds as PostgreSQL adds them to a moment. */
export function interval(milliseconds: number) {
  return sql`make_interval(secs => ${milliseconds / 1000})`;
}

/** A moment as it is told: rounded down. */
export function coarse(moment: ReturnType<typeof sql>) {
  return sql`date_bin(${interval(LAST_SEEN_GRAIN_MS)}, ${moment}, timestamptz 'epoch')`;
}

/**
 * The end of a statement: keeps when users were seen last, unless they hide it or have been erased. In the order of the
 * users, so that two nodes never wait for each other in a circle.
 */
function noteSeen(seen: ReturnType<typeof sql>) {
  return sql`
    insert into presence (user_id, last_seen)
    select s.user_id, ${coarse(sql`s.seen_at`)} from (${seen}) s
    where not exists (select from erased_users e where e.user_id = s.user_id)
    order by s.user_id
    on conflict (user_id) do update
      set last_seen = greatest(presence.last_seen, excluded.last_seen)
      where presence.visible
  `;
}
