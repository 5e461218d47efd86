/** Keys and names of devices; sessions that are bound to a key, and when somebody last proved who they are. */
import type { Migration } from '@sotto/runtime';
import { sql } from 'kysely';

export const deviceKeys: Migration = async (transaction) => {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(transaction);
};

const STATEMENTS = [
  // The name is encrypted by its owner, and sealed once more by us.
  `alter table devices
    add column device_key bytea check (octet_length(device_key) = 32),
    add column name bytea`,
  // Per account: the public key of somebody else's device is no secret, and must not be there to be taken.
  `create unique index devices_key on devices (user_id, device_key)
    where device_key is not null and retired_at is null`,

  `alter table sessions
    add column bound_to text,
    add column authenticated_at timestamptz,
    add column renewed_at timestamptz`,
  'update sessions set authenticated_at = created_at, renewed_at = created_at',
  `alter table sessions
    alter column authenticated_at set not null,
    alter column renewed_at set not null`,
  'create index sessions_active on sessions (user_id) where ended_at is null',
];
