/** Identities with their device lists, devices with their prekeys, events on their way out. */
import { createOutboxTable, type Migration } from '@sotto/runtime';
import { sql } from 'kysely';

export const init: Migration = async (transaction) => {
  await sql`create table identity_keys (
    user_id uuid primary key,
    public_key bytea not null check (octet_length(public_key) = 32),
    list_version integer not null default 0,
    published_at timestamptz not null
  )`.execute(transaction);

  await sql`create table devices (
    id uuid primary key,
    user_id uuid not null references identity_keys,
    registration_id integer not null,
    one_time_mark bigint not null default 0,
    listed_at timestamptz
  )`.execute(transaction);
  await sql`create index devices_user on devices (user_id)`.execute(transaction);

  await sql`create table signed_prekeys (
    device_id uuid not null references devices,
    id bigint not null,
    public_key bytea not null check (octet_length(public_key) = 32),
    suites integer[] not null,
    signature bytea not null check (octet_length(signature) = 64),
    published_at timestamptz not null,
    primary key (device_id, id)
  )`.execute(transaction);

  await sql`create table one_time_prekeys (
    device_id uuid not null references devices,
    id bigint not null,
    public_key bytea not null check (octet_length(public_key) = 32),
    primary key (device_id, id)
  )`.execute(transaction);

  // No foreign key: checking it would lock the device's row at every fetch of a bundle.
  await sql`create table issued_prekeys (
    device_id uuid not null,
    id bigint not null,
    public_key bytea not null,
    primary key (device_id, id)
  )`.execute(transaction);

  await createOutboxTable(transaction);
};
