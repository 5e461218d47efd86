/** What this service holds about an account, for the account itself. Public keys and times: there is nothing else here. */
import type { UserId } from '@sotto/api';
import type { Query } from './store.ts';

type Row = Record<string, string | number | boolean | null | number[]>;

/** Table to rows; bytes in base64url. One-time prekeys are counted, tombstones are not an account's data. */
export async function exportedKeys(
  query: Query,
  user: UserId,
): Promise<{ tables: Record<string, Row[]> }> {
  const of = (table: 'identity_keys' | 'device_lists' | 'devices' | 'retired_devices') =>
    query.selectFrom(table).selectAll().where('user_id', '=', user).execute();
  const signed = await query
    .selectFrom('signed_prekeys')
    .innerJoin('devices', 'devices.id', 'signed_prekeys.device_id')
    .selectAll('signed_prekeys')
    .where('devices.user_id', '=', user)
    .execute();
  const oneTime = await query
    .selectFrom('one_time_prekeys')
    .innerJoin('devices', 'devices.id', 'one_time_prekeys.device_id')
    .select(({ fn }) => ['device_id', fn.countAll<number>().as('waiting')])
    .where('devices.user_id', '=', user)
    .groupBy('device_id')
    .execute();
  const waiting = await query
    .selectFrom('provisioning')
    .select(['channel', 'expires_at'])
    .where('user_id', '=', user)
    .execute();
  return {
    tables: {
      identity_keys: (await of('identity_keys')).map(toRow),
      device_lists: (await of('device_lists')).map(toRow),
      devices: (await of('devices')).map(toRow),
      retired_devices: (await of('retired_devices')).map(toRow),
      signed_prekeys: signed.map(toRow),
      one_time_prekeys: oneTime.map(toRow),
      provisioning: waiting.map(toRow),
    },
  };
}

function toRow(columns: object): Row {
  return Object.fromEntries(
    Object.entries(columns).map(([name, value]) => [name, toJson(value)] as const),
  );
}

function toJson(value: unknown): Row[string] {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64url');
  if (value instanceof Date) return value.toISOString();
  return value as Row[string];
}
