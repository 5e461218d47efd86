/** Signed device lists, devices and accounts that are gone for good, and what devices are handed while they are linked. */
import type { Migration } from '@sotto/runtime';
import { sql } from 'kysely';

export const signedDeviceLists: Migration = async (transaction) => {
  await sql`create table device_lists (
    user_id uuid primary key references identity_keys,
    version bigint not null,
    hash bytea not null check (octet_length(hash) = 32),
    encoded bytea not null,
    published_at timestamptz not null
  )`.execute(transaction);

  // For which mark of one-time prekeys the device was told that few are left: once per mark.
  await sql`alter table devices add column low_told_mark bigint not null default 0`.execute(
    transaction,
  );

  // No references: what is named here has no other row any more.
  await sql`create table retired_devices (
    id uuid primary key,
    user_id uuid not null,
    retired_at timestamptz not null
  )`.execute(transaction);
  await sql`create table erased_accounts (
    user_id uuid primary key,
    erased_at timestamptz not null
  )`.execute(transaction);

  await sql`create table provisioning (
    channel bytea primary key check (octet_length(channel) = 32),
    user_id uuid not null,
    message bytea not null,
    expires_at timestamptz not null
  )`.execute(transaction);
  await sql`create index provisioning_expiry on provisioning (expires_at)`.execute(transaction);
  await sql`create index provisioning_user on provisioning (user_id)`.execute(transaction);
};
