/** SQL over device lists: the signed ones, and which devices they put into effect. */
import type { DeviceId, UserId } from '@sotto/api';
import type { DeviceListChanged } from '@sotto/api/internal';
import { type Insertable, type Selectable, sql } from 'kysely';
import type { DeviceListsTable } from './schema.ts';
import type { IdentityRow, KeyTransaction, Query } from './store.ts';

export type DeviceListRow = Selectable<DeviceListsTable>;

/**
 * The account's identity, and nobody else may change its device list until the transaction ends, so that versions and
 * events agree in their order.
 */
export function lockIdentity(
  transaction: KeyTransaction,
  user: UserId,
): Promise<IdentityRow | undefined> {
  return transaction
    .selectFrom('identity_keys')
    .selectAll()
    .where('user_id', '=', user)
    .forNoKeyUpdate()
    .executeTakeFirst();
}

export function findSignedList(query: Query, user: UserId): Promise<DeviceListRow | undefined> {
  return query
    .selectFrom('device_lists')
    .selectAll()
    .where('user_id', '=', user)
    .executeTakeFirst();
}

/** Puts a signed list in the place of the one before it. */
export async function upsertSignedList(
  transaction: KeyTransaction,
  row: Insertable<DeviceListsTable>,
): Promise<void> {
  const { user_id: _, ...changed } = row;
  await transaction
    .insertInto('device_lists')
    .values(row)
    .onConflict((conflict) => conflict.column('user_id').doUpdateSet(changed))
    .execute();
}

/** Devices of an account that have all that others need to write to them: device to registration id. */
export async function publishedDevices(
  query: Query,
  user: UserId,
): Promise<Map<string, { registrationId: number }>> {
  const { rows } = await sql<{ id: DeviceId; registration_id: number }>`
    select id, registration_id from devices where user_id = ${user}
      and exists (select from signed_prekeys where device_id = devices.id)
  `.execute(query);
  return new Map(rows.map((row) => [row.id, { registrationId: row.registration_id }]));
}

/** Puts exactly these devices into effect. False when they were. The caller holds the identity's lock. */
export async function listDevices(
  transaction: KeyTransaction,
  { user, devices, at }: { user: UserId; devices: readonly string[]; at: Date },
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update devices set listed_at = case when id = any(${devices}::uuid[]) then ${at}::timestamptz end
    where user_id = ${user} and (listed_at is not null) <> (id = any(${devices}::uuid[]))
  `.execute(transaction);
  return numAffectedRows !== undefined && numAffectedRows > 0n;
}

/** Whether an account's newest signed list names a device. */
export async function isListed(
  query: Query,
  { user, device }: { user: UserId; device: DeviceId },
): Promise<boolean> {
  const { rows } = await sql`
    select from devices where id = ${device} and user_id = ${user} and listed_at is not null
  `.execute(query);
  return rows.length > 0;
}

/** Counts a change of the devices in effect. The caller holds the identity's lock. */
export async function raiseListVersion(transaction: KeyTransaction, user: UserId): Promise<void> {
  await transaction
    .updateTable('identity_keys')
    .set((expression) => ({ list_version: expression('list_version', '+', 1) }))
    .where('user_id', '=', user)
    .execute();
}

/** The devices in effect, in the order in which they joined, at one moment. Undefined before the first. */
export async function findEffectiveList(
  query: Query,
  user: UserId,
): Promise<DeviceListChanged | undefined> {
  const { rows } = await sql<DeviceListChanged>`
    select user_id as user, list_version as version, array(
      select id from devices where user_id = ${user} and listed_at is not null order by listed_at, id
    )::text[] as devices
    from identity_keys where user_id = ${user} and list_version > 0
  `.execute(query);
  return rows[0];
}
