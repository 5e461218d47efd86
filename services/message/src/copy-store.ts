/** SQL over the copies of accounts and device lists. */
import type { Address, DeviceId, UserId } from '@sotto/api';
import type { AccountCreated, DeviceListChanged } from '@sotto/api/internal';
import type { Database } from '@sotto/runtime';
import { sql, type Transaction } from 'kysely';
import { removeCursors } from './cursor-store.ts';
import { holdUsers } from './erasure-store.ts';
import type { Tables } from './schema.ts';

export type CopyDatabase = Pick<Database<Tables>, 'query'>;

/** Copies an account, unless it has been deleted. A username never changes, so the first copy stays. */
export async function storeAccount(
  { query }: CopyDatabase,
  { user, username }: AccountCreated,
): Promise<void> {
  await query.transaction().execute(async (transaction) => {
    if (!(await holdUsers(transaction, [user]))) return;
    await transaction
      .insertInto('accounts')
      .values({ user_id: user, username, folded: username.toLowerCase() })
      .onConflict((conflict) => conflict.column('user_id').doNothing())
      .execute();
  });
}

/** Whether an account has been copied. Index: primary key. */
export async function hasAccount({ query }: CopyDatabase, user: UserId): Promise<boolean> {
  const row = await query
    .selectFrom('accounts')
    .where('user_id', '=', user)
    .select('user_id')
    .executeTakeFirst();
  return row !== undefined;
}

/** Those of some users whose accounts have been copied. Index: primary key. */
export async function findAccounts(
  { query }: CopyDatabase,
  users: readonly UserId[],
): Promise<Set<UserId>> {
  if (users.length === 0) return new Set();
  const rows = await query
    .selectFrom('accounts')
    .where('user_id', 'in', users)
    .select('user_id')
    .execute();
  return new Set(rows.map(({ user_id }) => user_id));
}

/** Whether an account and a device of it have been copied. Index: primary keys. */
export async function hasDevice(
  { query }: CopyDatabase,
  { user, device }: Address,
): Promise<boolean> {
  const row = await query
    .selectFrom('accounts as a')
    .innerJoin('device_lists as d', 'd.user_id', 'a.user_id')
    .where('a.user_id', '=', user)
    .where(sql<boolean>`${device} = any(d.devices)`)
    .select('a.user_id')
    .executeTakeFirst();
  return row !== undefined;
}

/** A user and what they are called. */
export interface Username {
  user: UserId;
  username: string;
}

/**
 * Users by the first letters of their names, without case, in the order of their names behind the last one of the page
 * before. Index: accounts_folded.
 */
export async function findUsers(
  { query }: CopyDatabase,
  { prefix, after, limit }: { prefix: string; after: string | undefined; limit: number },
): Promise<Username[]> {
  const folded = prefix.toLowerCase();
  return (
    query
      .selectFrom('accounts')
      .where('folded', '>=', folded)
      // Names are letters and digits, all of them below DEL.
      .where('folded', '<', `${folded}\x7f`)
      .$if(after !== undefined, (page) => page.where('folded', '>', (after ?? '').toLowerCase()))
      .orderBy('folded')
      .limit(limit)
      .select(['user_id as user', 'username'])
      .execute()
  );
}

/** What users are called; those who are not here are missing. Index: primary key. */
export async function findUsernames(
  { query }: CopyDatabase,
  users: readonly UserId[],
): Promise<Username[]> {
  if (users.length === 0) return [];
  return query
    .selectFrom('accounts')
    .where('user_id', 'in', users)
    .select(['user_id as user', 'username'])
    .execute();
}

/**
 * Copies a device list unless it is older than the copy or its user erased, and sets or removes the cursors of devices
 * that came or went.
 */
export async function storeDeviceList(
  { query }: CopyDatabase,
  { user, version, devices }: DeviceListChanged,
): Promise<void> {
  await query.transaction().execute(async (transaction) => {
    if (!(await holdUsers(transaction, [user]))) return;
    const before = await lockDeviceList(transaction, user);
    if (before.version >= version) return;
    await transaction
      .updateTable('device_lists')
      .set({ version, devices: sql`${devices}::uuid[]` })
      .where('user_id', '=', user)
      .execute();
    const added = devices.filter((device) => !before.devices.includes(device));
    const removed = before.devices.filter((device) => !devices.includes(device));
    if (added.length > 0) await startCursors(transaction, user, added);
    if (removed.length > 0) await removeCursors(transaction, removed);
    // Commits tell by this count that no list has changed. Last, for it makes the changes of all users wait in turn.
    await sql`update platform set list_changes = list_changes + 1`.execute(transaction);
  });
}

/** The copy as it is, locked; made empty when there is none, so that two first copies wait for each other. */
async function lockDeviceList(
  transaction: Transaction<Tables>,
  user: UserId,
): Promise<{ version: number; devices: DeviceId[] }> {
  await transaction
    .insertInto('device_lists')
    .values({ user_id: user, version: 0, devices: sql`'{}'::uuid[]` })
    .onConflict((conflict) => conflict.column('user_id').doNothing())
    .execute();
  return transaction
    .selectFrom('device_lists')
    .where('user_id', '=', user)
    .select(['version', 'devices'])
    .forUpdate()
    .executeTakeFirstOrThrow();
}

/**
 * A new device begins where its user's conversations are now: nothing before was encrypted for it, so it need not walk
 * the old places. Nothing after is lost either: a message for the device is committed against this version of the
 * list, so later than this transaction, and takes a place above the one read here.
 */
async function startCursors(
  transaction: Transaction<Tables>,
  user: UserId,
  devices: readonly DeviceId[],
): Promise<void> {
  await sql`
    insert into cursors (device, conversation, seq)
    select d.device, m.conversation, c.last_seq
    from unnest(${devices}::uuid[]) as d (device)
    cross join conversation_members m
    join conversations c on c.id = m.conversation
    where m.user_id = ${user} and m.left_seq is null
    order by d.device, m.conversation
    on conflict do nothing
  `.execute(transaction);
}
