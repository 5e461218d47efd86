/** All SQL of the key service. Nothing here decides. */
import type { DeviceId, UserId } from '@sotto/api';
import { type Insertable, type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type {
  DevicesTable,
  IdentityKeysTable,
  KeyTables,
  OneTimePrekeysTable,
  SignedPrekeysTable,
} from './schema.ts';

export type Query = Kysely<KeyTables>;
export type KeyTransaction = Transaction<KeyTables>;

export type IdentityRow = Selectable<IdentityKeysTable>;
export type DeviceRow = Selectable<DevicesTable>;
export type SignedPrekeyRow = Selectable<SignedPrekeysTable>;
export type OneTimePrekeyRow = Selectable<OneTimePrekeysTable>;

export function findIdentity(query: Query, user: UserId): Promise<IdentityRow | undefined> {
  return query
    .selectFrom('identity_keys')
    .selectAll()
    .where('user_id', '=', user)
    .executeTakeFirst();
}

/** The identity that is published after this: the given one, or the one that was there. */
export async function insertIdentity(
  transaction: KeyTransaction,
  identity: Insertable<IdentityKeysTable>,
): Promise<{ row: IdentityRow; isNew: boolean }> {
  const { numInsertedOrUpdatedRows } = await transaction
    .insertInto('identity_keys')
    .values(identity)
    .onConflict((conflict) => conflict.column('user_id').doNothing())
    .executeTakeFirstOrThrow();
  const row = await transaction
    .selectFrom('identity_keys')
    .selectAll()
    .where('user_id', '=', identity.user_id)
    .executeTakeFirstOrThrow();
  return { row, isNew: numInsertedOrUpdatedRows === 1n };
}

/** The device that is known after this: the given one, or the one that was there. */
export async function insertDevice(
  transaction: KeyTransaction,
  device: Pick<DeviceRow, 'id' | 'user_id' | 'registration_id'>,
): Promise<DeviceRow> {
  await transaction
    .insertInto('devices')
    .values({ ...device, listed_at: null })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
  return transaction
    .selectFrom('devices')
    .selectAll()
    .where('id', '=', device.id)
    .executeTakeFirstOrThrow();
}

/** The device, and nobody else may change it or its prekeys' marks until the transaction ends. */
export function lockDevice(
  transaction: KeyTransaction,
  id: DeviceId,
): Promise<DeviceRow | undefined> {
  return transaction
    .selectFrom('devices')
    .selectAll()
    .where('id', '=', id)
    .forNoKeyUpdate()
    .executeTakeFirst();
}

export function findSignedPrekey(
  query: Query,
  { device, id }: { device: DeviceId; id: number },
): Promise<SignedPrekeyRow | undefined> {
  return query
    .selectFrom('signed_prekeys')
    .selectAll()
    .where('device_id', '=', device)
    .where('id', '=', id)
    .executeTakeFirst();
}

/** The one that is handed out: the one with the highest id. */
export function newestSignedPrekey(
  query: Query,
  device: DeviceId,
): Promise<SignedPrekeyRow | undefined> {
  return query
    .selectFrom('signed_prekeys')
    .selectAll()
    .where('device_id', '=', device)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** Stores a signed prekey and forgets all but the newest few. */
export async function insertSignedPrekey(
  transaction: KeyTransaction,
  prekey: SignedPrekeyRow,
  kept: number,
): Promise<void> {
  await transaction.insertInto('signed_prekeys').values(prekey).execute();
  await sql`
    delete from signed_prekeys where device_id = ${prekey.device_id} and id not in (
      select id from signed_prekeys where device_id = ${prekey.device_id} order by id desc limit ${kept}
    )
  `.execute(transaction);
}

/** What is known of some ids of one-time prekeys: those that wait and those that were handed out. */
export async function knownOneTimePrekeys(
  transaction: KeyTransaction,
  device: DeviceId,
  ids: readonly number[],
): Promise<Map<number, Uint8Array>> {
  const { rows } = await sql<Pick<OneTimePrekeyRow, 'id' | 'public_key'>>`
    select id, public_key from one_time_prekeys
      where device_id = ${device} and id = any(${ids}::bigint[])
    union all
    select id, public_key from issued_prekeys
      where device_id = ${device} and id = any(${ids}::bigint[])
  `.execute(transaction);
  return new Map(rows.map((row) => [row.id, row.public_key]));
}

export async function countOneTimePrekeys(query: Query, device: DeviceId): Promise<number> {
  const { count } = await query
    .selectFrom('one_time_prekeys')
    .select((expression) => expression.fn.countAll<number>().as('count'))
    .where('device_id', '=', device)
    .executeTakeFirstOrThrow();
  return count;
}

/** Stores one-time prekeys and raises the device's mark. */
export async function insertOneTimePrekeys(
  transaction: KeyTransaction,
  device: DeviceId,
  { prekeys, mark }: { prekeys: readonly OneTimePrekeyRow[]; mark: number },
): Promise<void> {
  await transaction
    .insertInto('one_time_prekeys')
    .values([...prekeys])
    .execute();
  await transaction
    .updateTable('devices')
    .set({ one_time_mark: mark })
    .where('id', '=', device)
    .execute();
}

/** Forgets tombstones up to an id. */
export async function deleteIssuedPrekeys(
  transaction: KeyTransaction,
  { device, upTo }: { device: DeviceId; upTo: number },
): Promise<void> {
  await transaction
    .deleteFrom('issued_prekeys')
    .where('device_id', '=', device)
    .where('id', '<=', upTo)
    .execute();
}

/** Adds a device to its user's list. The new version; undefined when it is on the list already. */
export async function listDevice(
  transaction: KeyTransaction,
  { user, device, at }: { user: UserId; device: DeviceId; at: Date },
): Promise<number | undefined> {
  const { numUpdatedRows } = await transaction
    .updateTable('devices')
    .set({ listed_at: at })
    .where('id', '=', device)
    .where('listed_at', 'is', null)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows === 0n) return undefined;
  // The row lock makes changes of one list wait for each other, so that versions and events agree in their order.
  const { list_version } = await transaction
    .updateTable('identity_keys')
    .set((expression) => ({ list_version: expression('list_version', '+', 1) }))
    .where('user_id', '=', user)
    .returning('list_version')
    .executeTakeFirstOrThrow();
  return list_version;
}

/** The devices on a user's list, in the order in which they joined. Index: devices_user. */
export async function listedDevices(query: Query, user: UserId): Promise<DeviceId[]> {
  const rows = await query
    .selectFrom('devices')
    .select('id')
    .where('user_id', '=', user)
    .where('listed_at', 'is not', null)
    .orderBy('listed_at')
    .orderBy('id')
    .execute();
  return rows.map(({ id }) => id);
}

/** A device list as it is at one moment. */
export async function findList(
  query: Query,
  user: UserId,
): Promise<{ version: number; devices: DeviceId[] } | undefined> {
  const { rows } = await sql<{ version: number; devices: DeviceId[] }>`
    select list_version as version, array(
      select id from devices where user_id = ${user} and listed_at is not null order by listed_at, id
    )::text[] as devices
    from identity_keys where user_id = ${user} and list_version > 0
  `.execute(query);
  return rows[0];
}

export interface IssuedBundle {
  device_id: DeviceId;
  registration_id: number;
  signed_id: number;
  signed_key: Uint8Array;
  suites: number[];
  signature: Uint8Array;
  /** Null when the device has run out. */
  one_time_id: number | null;
  one_time_key: Uint8Array | null;
}

export interface BundleRequest {
  user: UserId;
  /** One device only. */
  device: DeviceId | undefined;
  /** Left out of the answer, and no prekey of it is taken. */
  except: DeviceId;
}

/**
 * The bundles of a user's listed devices, and takes the lowest one-time prekey of each.
 *
 * One statement, so that a prekey has left the table exactly when it is in the answer of a committed statement.
 * `skip locked` lets fetches run side by side: each takes a row that no other has. The tombstone goes in with it.
 */
export async function claimBundles(query: Query, request: BundleRequest): Promise<IssuedBundle[]> {
  const { user, device = null, except } = request;
  const { rows } = await sql<IssuedBundle>`
    with wanted as materialized (
      select id, registration_id, listed_at from devices
      where user_id = ${user} and listed_at is not null and id <> ${except}
        and (${device}::uuid is null or id = ${device}::uuid)
    ), picked as materialized (
      select prekey.device_id, prekey.id from wanted cross join lateral (
        select device_id, id from one_time_prekeys where device_id = wanted.id
        order by id limit 1 for update skip locked
      ) prekey
    ), claimed as (
      delete from one_time_prekeys prekey using picked
      where prekey.device_id = picked.device_id and prekey.id = picked.id
      returning prekey.device_id, prekey.id, prekey.public_key
    ), buried as (
      insert into issued_prekeys (device_id, id, public_key)
      select device_id, id, public_key from claimed
    )
    select wanted.id as device_id, wanted.registration_id,
      signed.id as signed_id, signed.public_key as signed_key, signed.suites, signed.signature,
      claimed.id as one_time_id, claimed.public_key as one_time_key
    from wanted
    cross join lateral (
      select * from signed_prekeys where device_id = wanted.id order by id desc limit 1
    ) signed
    left join claimed on claimed.device_id = wanted.id
    order by wanted.listed_at, wanted.id
  `.execute(query);
  return rows;
}
