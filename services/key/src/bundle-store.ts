/** SQL that hands out bundles. */
import type { DeviceId, UserId } from '@sotto/api';
import type { Database } from '@sotto/runtime';
import type { KeyTables } from './schema.ts';

/** One user's bundle, wanted by one caller. */
export interface BundleRequest {
  user: UserId;
  /** One device only. */
  device: DeviceId | undefined;
  /** Left out of the answer, and no prekey of it is taken: the caller's own. */
  except: DeviceId;
  /** Whether one-time prekeys are taken. */
  takes: boolean;
}

/** One device of one request; a single row without a device when none is to be had. */
export interface IssuedRow {
  /** The request's place in the batch, from 1. */
  request: number;
  identity_key: Uint8Array;
  device_list: Uint8Array;
  device_id: DeviceId | null;
  registration_id: number;
  /** The highest one-time prekey id that was ever stored, and the mark at which the device was told that few are left. */
  one_time_mark: number;
  low_told_mark: number;
  signed_id: number;
  signed_key: Uint8Array;
  suites: number[];
  signature: Uint8Array;
  /** Null when the device has run out, or none was to be taken. */
  one_time_id: number | null;
  one_time_key: Uint8Array | null;
}

/**
 * Bundles for a batch of requests, with the lowest one-time prekeys of each device, in the order of the requests. No
 * row for a user without an identity or a device list.
 *
 * One statement, so that a prekey has left the table exactly when it is in the answer of a committed statement, and its
 * tombstone is there. Another statement that wants the same device's prekeys waits for this one to commit and takes
 * those behind (a `skip locked` would let later callers have lower ids than earlier ones when this one fails). All
 * statements lock in the order of devices and ids, so none waits in a circle.
 */
export async function claimBundles(
  { pool }: Pick<Database<KeyTables>, 'pool'>,
  requests: readonly BundleRequest[],
): Promise<IssuedRow[]> {
  const { rows } = await pool.query<IssuedRow>({
    name: 'claim-bundles',
    text: CLAIM,
    values: [
      requests.map(({ user }) => user),
      requests.map(({ device }) => device ?? null),
      requests.map(({ except }) => except),
      requests.map(({ takes }) => takes),
    ],
  });
  return rows;
}

const CLAIM = `
with known as materialized (
  select asked.*, identity.public_key as identity_key, list.encoded as device_list
  from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::boolean[])
    with ordinality as asked (user_id, device_id, except_id, takes, request)
  join identity_keys identity on identity.user_id = asked.user_id
  join device_lists list on list.user_id = asked.user_id
), wanted as materialized (
  select known.request, known.takes, device.id, device.registration_id, device.listed_at,
    device.one_time_mark, device.low_told_mark,
    row_number() over (partition by device.id, known.takes order by known.request) as turn
  from known join devices device on device.user_id = known.user_id and device.listed_at is not null
    and device.id <> known.except_id and (known.device_id is null or device.id = known.device_id)
), needs as materialized (
  select id, count(*) as many from wanted where takes group by id order by id
), picked as materialized (
  select prekey.device_id, prekey.id from needs cross join lateral (
    select device_id, id from one_time_prekeys where device_id = needs.id
    order by id limit needs.many for update
  ) prekey
), claimed as (
  delete from one_time_prekeys prekey using picked
  where prekey.device_id = picked.device_id and prekey.id = picked.id
  returning prekey.device_id, prekey.id, prekey.public_key
), buried as (
  insert into issued_prekeys (device_id, id, public_key)
  select device_id, id, public_key from claimed
), dealt as (
  select *, row_number() over (partition by device_id order by id) as turn from claimed
)
select known.request::int, known.identity_key, known.device_list, wanted.id as device_id,
  wanted.registration_id, wanted.one_time_mark, wanted.low_told_mark,
  signed.id as signed_id, signed.public_key as signed_key, signed.suites, signed.signature,
  dealt.id as one_time_id, dealt.public_key as one_time_key
from known
left join (
  wanted cross join lateral (
    select * from signed_prekeys where device_id = wanted.id order by id desc limit 1
  ) signed
) on wanted.request = known.request
left join dealt on dealt.device_id = wanted.id and dealt.turn = wanted.turn and wanted.takes
order by known.request, wanted.listed_at, wanted.id
`;
