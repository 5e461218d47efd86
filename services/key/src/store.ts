/** SQL over identities, devices and prekeys. Nothing here decides. */
import type { DeviceId, UserId } from '@sotto/api';
import { type Insertable, type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import { SIGNED_PREKEY_KEPT_MS, SIGNED_PREKEYS_KEPT } from './limits.ts';
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

export function findDevice(query: Query, id: DeviceId): Promise<DeviceRow | undefined> {
  return query.selectFrom('devices').selectAll().where('id', '=', id).executeTakeFirst();
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

/** Stores a signed prekey, and forgets those that were replaced long ago or lie too far back. */
export async function insertSignedPrekey(
  transaction: KeyTransaction,
  prekey: SignedPrekeyRow,
): Promise<void> {
  await transaction.insertInto('signed_prekeys').values(prekey).execute();
  const { device_id: device, published_at: now } = prekey;
  const replacedBefore = new Date(now.getTime() - SIGNED_PREKEY_KEPT_MS);
  await sql`
    delete from signed_prekeys where device_id = ${device} and id in (
      select id from (
        select id, lead(published_at) over newer as replaced_at, row_number() over (order by id desc) as place
        from signed_prekeys where device_id = ${device} window newer as (order by id)
      ) aged where replaced_at < ${replacedBefore} or place > ${SIGNED_PREKEYS_KEPT}
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
