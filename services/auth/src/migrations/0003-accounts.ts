/** Registration by invitation, recovery codes, optional e-mail, accounts that are disabled or on their way out. */
import type { Migration } from '@sotto/runtime';
import { sql } from 'kysely';

export const accounts: Migration = async (transaction) => {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(transaction);
};

const STATEMENTS = [
  // An account from before has no recovery code until its owner asks for one.
  `alter table users
    add column email bytea,
    add column recovery_digest bytea check (octet_length(recovery_digest) = 32),
    add column is_admin boolean not null default false,
    add column disabled_at timestamptz,
    add column deleted_at timestamptz`,
  // Nearly empty: a deleted account is erased within the hour.
  'create index users_deleted on users (deleted_at) where deleted_at is not null',
  'create index sessions_user on sessions (user_id)',
  'create index devices_user on devices (user_id)',

  `create table invites (
    id uuid primary key,
    code_digest bytea not null check (octet_length(code_digest) = 32),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    uses_max integer not null check (uses_max > 0),
    uses integer not null default 0 check (uses >= 0 and uses <= uses_max),
    revoked_at timestamptz,
    constraint invites_code_digest unique (code_digest)
  )`,
];
