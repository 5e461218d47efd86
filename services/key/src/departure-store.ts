/** SQL over what is left of devices and accounts that have ended. */
import type { DeviceId, UserId } from '@sotto/api';
import { sql } from 'kysely';
import { lockIdentity } from './device-list-store.ts';
import type { KeyTransaction } from './store.ts';

/** Whoever makes devices of an account known, or ends them, does so alone until the transaction ends. */
export async function lockAccount(transaction: KeyTransaction, user: UserId): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`account:${user}`}, 0))`.execute(
    transaction,
  );
}

/** Whether a device or its account has ended. */
export async function isGone(
  transaction: KeyTransaction,
  { user, device }: { user: UserId; device: DeviceId },
): Promise<boolean> {
  const { rows } = await sql`
    select from retired_devices where id = ${device}
    union all select from erased_accounts where user_id = ${user}
  `.execute(transaction);
  return rows.length > 0;
}

export async function markRetired(
  transaction: KeyTransaction,
  { user, device, at }: { user: UserId; device: DeviceId; at: Date },
): Promise<void> {
  await transaction
    .insertInto('retired_devices')
    .values({ id: device, user_id: user, retired_at: at })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
}

export async function markErased(
  transaction: KeyTransaction,
  { user, at }: { user: UserId; at: Date },
): Promise<void> {
  await transaction
    .insertInto('erased_accounts')
    .values({ user_id: user, erased_at: at })
    .onConflict((conflict) => conflict.column('user_id').doNothing())
    .execute();
}

/** Deletes a device with its prekeys. True when messages were encrypted for it until now. */
export async function deleteDevice(
  transaction: KeyTransaction,
  device: DeviceId,
): Promise<boolean> {
  await deletePrekeys(transaction, [device]);
  const deleted = await transaction
    .deleteFrom('devices')
    .where('id', '=', device)
    .returning('listed_at')
    .executeTakeFirst();
  return deleted !== undefined && deleted.listed_at !== null;
}

/** Deletes every row of an account but those that say that it is gone. */
export async function eraseAccountRows(transaction: KeyTransaction, user: UserId): Promise<void> {
  // Before its devices, as whoever changes its list does, so that neither waits for the other in a circle.
  await lockIdentity(transaction, user);
  const devices = await transaction
    .selectFrom('devices')
    .select('id')
    .where('user_id', '=', user)
    .execute();
  await deletePrekeys(
    transaction,
    devices.map(({ id }) => id),
  );
  for (const table of [
    'provisioning',
    'retired_devices',
    'devices',
    'device_lists',
    'identity_keys',
  ] as const) {
    await transaction.deleteFrom(table).where('user_id', '=', user).execute();
  }
}

/** Deletes all prekeys of devices, of which none can be uploaded meanwhile. */
export async function deletePrekeys(
  transaction: KeyTransaction,
  devices: readonly DeviceId[],
): Promise<void> {
  const ids = sql`any(${devices}::uuid[])`;
  await sql`select from devices where id = ${ids} order by id for update`.execute(transaction);
  // In the order in which fetches of bundles lock them, so that neither waits for the other in a circle.
  await sql`select from one_time_prekeys where device_id = ${ids} order by device_id, id for update`.execute(
    transaction,
  );
  for (const table of ['one_time_prekeys', 'issued_prekeys', 'signed_prekeys']) {
    await sql`delete from ${sql.table(table)} where device_id = ${ids}`.execute(transaction);
  }
}
