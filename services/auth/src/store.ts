/** All SQL of the auth service. Nothing here decides. */
import type { DeviceId, SessionId, UserId } from '@sotto/api';
import { type Insertable, type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { RefreshFamily } from './refresh-family.ts';
import type { AuthTables, DevicesTable, SessionsTable, UsersTable } from './schema.ts';

export type Query = Kysely<AuthTables>;
export type AuthTransaction = Transaction<AuthTables>;

export type User = Selectable<UsersTable>;
export type Device = Selectable<DevicesTable>;
export type Session = Selectable<SessionsTable>;

/** An account that is not deleted; it may be disabled. Index: users_username_key. */
export function findUserByKey(query: Query, usernameKey: string): Promise<User | undefined> {
  return query
    .selectFrom('users')
    .selectAll()
    .where('username_key', '=', usernameKey)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
}

/** An account that is not deleted; it may be disabled. */
export function findUser(query: Query, id: UserId): Promise<User | undefined> {
  return query
    .selectFrom('users')
    .selectAll()
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
}

/** False when the name is taken, in which case nothing was written. */
export async function insertUser(
  transaction: AuthTransaction,
  user: Insertable<UsersTable>,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await transaction
    .insertInto('users')
    .values(user)
    .onConflict((conflict) => conflict.constraint('users_username_key').doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

/** Whether a name is somebody's, deleted accounts included until they are erased. Index: users_username_key. */
export async function isNameTaken(query: Query, usernameKey: string): Promise<boolean> {
  const row = await query
    .selectFrom('users')
    .select('id')
    .where('username_key', '=', usernameKey)
    .executeTakeFirst();
  return row !== undefined;
}

/** Makes log-ins of one account wait for each other. */
export async function lockUser(transaction: AuthTransaction, id: UserId): Promise<void> {
  await transaction
    .selectFrom('users')
    .select('id')
    .where('id', '=', id)
    .forNoKeyUpdate()
    .execute();
}

/** The devices that are not retired, the one that logged in longest ago first. Index: devices_active. */
export function activeDevices(query: Query, user: UserId): Promise<Device[]> {
  return query
    .selectFrom('devices')
    .selectAll()
    .where('user_id', '=', user)
    .where('retired_at', 'is', null)
    .orderBy('logged_in_at')
    .orderBy('id')
    .execute();
}

export type NewDevice = Pick<Device, 'id' | 'user_id' | 'created_at' | 'device_key' | 'name'>;

export async function insertDevice(transaction: AuthTransaction, device: NewDevice): Promise<void> {
  await transaction
    .insertInto('devices')
    .values({ ...device, logged_in_at: device.created_at, retired_at: null })
    .execute();
}

export async function noteLogin(
  transaction: AuthTransaction,
  { id, at, byKeyAlone }: { id: DeviceId; at: Date; byKeyAlone: boolean },
): Promise<void> {
  await transaction
    .updateTable('devices')
    .set({ logged_in_at: at, ...(!byKeyAlone && { needs_password: false }) })
    .where('id', '=', id)
    .execute();
}

/** What remains of a device is that there was one: its key and its name go. */
export async function retireDevice(
  transaction: AuthTransaction,
  { id, at }: { id: DeviceId; at: Date },
): Promise<void> {
  await transaction
    .updateTable('devices')
    .set({ retired_at: at, device_key: null, name: null })
    .where('id', '=', id)
    .execute();
}

/** Repeating it changes nothing. */
export async function markDevicesWithKeys(
  query: Query,
  user: UserId,
  ids: readonly DeviceId[],
): Promise<void> {
  await query
    .updateTable('devices')
    .set({ has_keys: true })
    .where('user_id', '=', user)
    .where('id', 'in', ids)
    .where('has_keys', '=', false)
    .execute();
}

export type NewSession = Omit<Session, 'generation' | 'first_uses' | 'ended_at'>;

export async function insertSession(
  transaction: AuthTransaction,
  session: NewSession,
): Promise<void> {
  await transaction
    .insertInto('sessions')
    .values({ ...session, ended_at: null })
    .execute();
}

export function findSession(query: Query, id: SessionId): Promise<Session | undefined> {
  return query.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirst();
}

/** The session, and nobody else may change it until the transaction ends. */
export function lockSession(
  transaction: AuthTransaction,
  id: SessionId,
): Promise<Session | undefined> {
  return transaction
    .selectFrom('sessions')
    .selectAll()
    .where('id', '=', id)
    .forNoKeyUpdate()
    .executeTakeFirst();
}

/** A session's refresh family, and when it was renewed and ends if that changed. */
export async function saveFamily(
  transaction: AuthTransaction,
  id: SessionId,
  { family, renewal }: { family: RefreshFamily; renewal?: { at: Date; expiresAt: Date } },
): Promise<void> {
  await transaction
    .updateTable('sessions')
    .set({
      generation: family.generation,
      first_uses: JSON.stringify(family.firstUses),
      ...(renewal !== undefined && { renewed_at: renewal.at, expires_at: renewal.expiresAt }),
    })
    .where('id', '=', id)
    .execute();
}

export interface EndedSession {
  id: SessionId;
  device_id: DeviceId;
  ended_at: Date;
}

/** Ends one session; undefined when it had ended. The time is the database's, as `revocationsSince` compares it. */
export async function endSession(
  transaction: AuthTransaction,
  id: SessionId,
): Promise<EndedSession[]> {
  const { rows } = await sql<EndedSession>`
    update sessions set ended_at = clock_timestamp()
    where id = ${id} and ended_at is null returning id, device_id, ended_at
  `.execute(transaction);
  return rows;
}

/** Ends the sessions of a device. Index: sessions_device. */
export async function endSessionsOfDevice(
  transaction: AuthTransaction,
  device: DeviceId,
): Promise<EndedSession[]> {
  const { rows } = await sql<EndedSession>`
    update sessions set ended_at = clock_timestamp()
    where device_id = ${device} and ended_at is null returning id, device_id, ended_at
  `.execute(transaction);
  return rows;
}

/** Forgets the sessions of a device that ended a while ago. Index: sessions_device. */
export async function deleteOldSessions(
  transaction: AuthTransaction,
  { device, olderThanMs }: { device: DeviceId; olderThanMs: number },
): Promise<void> {
  await sql`
    delete from sessions where device_id = ${device}
      and ended_at < clock_timestamp() - make_interval(secs => ${olderThanMs / 1000})
  `.execute(transaction);
}

export interface RevocationsPage {
  now: Date;
  revocations: Pick<EndedSession, 'id' | 'ended_at'>[];
}

/**
 * Sessions that ended since a moment, but not longer ago than `windowMs`; the latter alone without a moment. `now` is
 * taken before the rows are read. Index: sessions_ended. Bounded by how many sessions can end within the window.
 */
export async function revocationsSince(
  query: Query,
  { since, windowMs }: { since: Date | undefined; windowMs: number },
): Promise<RevocationsPage> {
  const clock = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(query);
  const now = clock.rows[0]?.now;
  if (now === undefined) throw new Error('the database has no clock');
  const windowStart = new Date(now.getTime() - windowMs);
  const from = since === undefined || since < windowStart ? windowStart : since;
  const revocations = await query
    .selectFrom('sessions')
    .select(['id', sql<Date>`ended_at`.as('ended_at')])
    .where('ended_at', '>=', from)
    .orderBy('ended_at')
    .execute();
  return { now, revocations };
}
