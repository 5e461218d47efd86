/** Accounts with their devices, sessions with their refresh families, events on their way out. */
import { createOutboxTable, type Migration } from '@sotto/runtime';
import { sql } from 'kysely';

export const init: Migration = async (transaction) => {
  await sql`create table users (
    id uuid primary key,
    username text not null,
    username_key text not null,
    password_hash text not null,
    created_at timestamptz not null,
    constraint users_username_key unique (username_key)
  )`.execute(transaction);

  await sql`create table devices (
    id uuid primary key,
    user_id uuid not null references users,
    created_at timestamptz not null,
    logged_in_at timestamptz not null,
    has_keys boolean not null default false,
    retired_at timestamptz
  )`.execute(transaction);
  await sql`create index devices_active on devices (user_id) where retired_at is null`.execute(
    transaction,
  );

  await sql`create table sessions (
    id uuid primary key,
    user_id uuid not null references users,
    device_id uuid not null references devices,
    created_at timestamptz not null,
    refresh_salt bytea not null,
    generation integer not null default 0,
    first_uses jsonb not null default '[]',
    expires_at timestamptz not null,
    ended_at timestamptz
  )`.execute(transaction);
  await sql`create index sessions_device on sessions (device_id)`.execute(transaction);
  await sql`create index sessions_ended on sessions (ended_at) where ended_at is not null`.execute(
    transaction,
  );

  await createOutboxTable(transaction);
};
