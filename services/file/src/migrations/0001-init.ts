/** Files, who may read them, and how much each owner holds. */
import { type Kysely, sql } from 'kysely';

export async function init(transaction: Kysely<unknown>): Promise<void> {
  await sql`create table files (
    id uuid primary key,
    blob_key uuid not null unique,
    owner uuid not null,
    state text not null default 'pending' check (state in ('pending', 'stored', 'deleting')),
    size bigint not null check (size >= 0),
    sha256 bytea check (octet_length(sha256) = 32),
    created_at timestamptz not null default now(),
    check (state <> 'stored' or sha256 is not null)
  )`.execute(transaction);
  // The sweeper's: nearly empty, whatever the number of files.
  await sql`create index files_unsettled on files (created_at) where state <> 'stored'`.execute(
    transaction,
  );
  await sql`create table grants (
    file uuid not null references files on delete cascade,
    conversation uuid not null,
    created_at timestamptz not null default now(),
    primary key (file, conversation)
  )`.execute(transaction);
  await sql`create table usage (
    owner uuid primary key,
    bytes bigint not null check (bytes >= 0)
  )`.execute(transaction);
}
