/** SQL for giving an account another identity. */
import type { DeviceId, UserId } from '@sotto/api';
import type { IdentityRow, KeyTransaction, Query } from './store.ts';

/** Puts another identity in the place of an account's. The caller holds its lock. */
export function setIdentity(
  transaction: KeyTransaction,
  { user, identityKey, at }: { user: UserId; identityKey: Uint8Array; at: Date },
): Promise<IdentityRow> {
  return transaction
    .updateTable('identity_keys')
    .set({ public_key: identityKey, published_at: at })
    .where('user_id', '=', user)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** The devices of an account that have shown its identity. Index: devices_user. */
export async function findDevices(query: Query, user: UserId): Promise<DeviceId[]> {
  const rows = await query.selectFrom('devices').select('id').where('user_id', '=', user).execute();
  return rows.map(({ id }) => id);
}
