/** SQL on whole accounts: what they prove themselves with, and their end. */
import type { DeviceId, UserId } from '@sotto/api';
import { sql } from 'kysely';
import type { AuthTransaction, Query, User } from './store.ts';

/** Sets a new password. */
export async function setPassword(
  transaction: AuthTransaction,
  user: UserId,
  passwordHash: string,
): Promise<void> {
  await transaction
    .updateTable('users')
    .set({ password_hash: passwordHash })
    .where('id', '=', user)
    .execute();
}

/**
 * Whether an account still lets in whoever was let in a moment ago: it is there, not locked, and its password is the one
 * that was verified, if one was. Call `lockUser` first, so that none of this changes until the transaction ends.
 */
export async function stillLetsIn(
  transaction: AuthTransaction,
  { user, passwordHash }: { user: UserId; passwordHash?: string | undefined },
): Promise<boolean> {
  let rows = transaction
    .selectFrom('users')
    .select('id')
    .where('id', '=', user)
    .where('deleted_at', 'is', null)
    .where('disabled_at', 'is', null);
  if (passwordHash !== undefined) rows = rows.where('password_hash', '=', passwordHash);
  return (await rows.executeTakeFirst()) !== undefined;
}

/** Keeps a new recovery code's digest; the old code is none any more. */
export async function setRecoveryDigest(
  query: Query,
  user: UserId,
  digest: Uint8Array,
): Promise<void> {
  await query
    .updateTable('users')
    .set({ recovery_digest: digest })
    .where('id', '=', user)
    .execute();
}

/** Puts another digest in place of one. False when that one is gone: its code was used in the meantime. */
export async function replaceRecoveryDigest(
  transaction: AuthTransaction,
  user: UserId,
  { old, next }: { old: Uint8Array; next: Uint8Array },
): Promise<boolean> {
  const { numUpdatedRows } = await transaction
    .updateTable('users')
    .set({ recovery_digest: next })
    .where('id', '=', user)
    .where('recovery_digest', '=', old)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

/**
 * Marks an account as deleted and forgets what it proves itself with. Its name stays taken until it is erased. False
 * when that was done before.
 */
export async function markDeleted(transaction: AuthTransaction, user: UserId): Promise<boolean> {
  const { numUpdatedRows } = await transaction
    .updateTable('users')
    .set({
      deleted_at: sql`clock_timestamp()`,
      password_hash: '',
      recovery_digest: null,
      email: null,
    })
    .where('id', '=', user)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

/** Locks an account, or unlocks it. */
export async function setDisabled(
  transaction: AuthTransaction,
  user: UserId,
  isDisabled: boolean,
): Promise<void> {
  await transaction
    .updateTable('users')
    .set({ disabled_at: isDisabled ? sql`coalesce(disabled_at, clock_timestamp())` : null })
    .where('id', '=', user)
    .execute();
}

/** Accounts behind a name, by their names, deleted ones too. Index: users_username_key. */
export function usersAfter(query: Query, usernameKey: string, limit: number): Promise<User[]> {
  return query
    .selectFrom('users')
    .selectAll()
    .where('username_key', '>', usernameKey)
    .orderBy('username_key')
    .limit(limit)
    .execute();
}

/** The devices of an account, retired ones too: those that ever had keys first. Index: devices_user. */
export async function everyDevice(query: Query, user: UserId): Promise<DeviceId[]> {
  const rows = await query
    .selectFrom('devices')
    .select('id')
    .where('user_id', '=', user)
    .orderBy('has_keys', 'desc')
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .execute();
  return rows.map(({ id }) => id);
}

/** Accounts that were deleted longer ago than this. Index: users_deleted. */
export async function findErasable(query: Query, olderThanMs: number): Promise<UserId[]> {
  const { rows } = await sql<{ id: UserId }>`
    select id from users
    where deleted_at < clock_timestamp() - make_interval(secs => ${olderThanMs / 1000})
    order by deleted_at limit 100
  `.execute(query);
  return rows.map(({ id }) => id);
}

/** Removes every row of a deleted account but those of the audit log. Repeating it changes nothing. */
export async function eraseAccount(transaction: AuthTransaction, user: UserId): Promise<void> {
  await transaction.deleteFrom('sessions').where('user_id', '=', user).execute();
  await transaction.deleteFrom('devices').where('user_id', '=', user).execute();
  await transaction
    .deleteFrom('users')
    .where('id', '=', user)
    .where('deleted_at', 'is not', null)
    .execute();
}
