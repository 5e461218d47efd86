/** Uploads that go on after a break, files that end at a time, and what each owner brings in a day. */
import { type Kysely, sql } from 'kysely';

export async function uploads(transaction: Kysely<unknown>): Promise<void> {
  await sql`alter table files add column expires_at timestamptz`.execute(transaction);
  // Few files have one.
  await sql`create index files_expiring on files (expires_at) where expires_at is not null`.execute(
    transaction,
  );
  await sql`create table uploads (
    file uuid primary key references files on delete cascade,
    expires_at timestamptz not null,
    attempt text,
    writer uuid,
    writer_until timestamptz,
    writer_wanted boolean not null default false,
    check ((writer is null) = (writer_until is null))
  )`.execute(transaction);
  await sql`create index uploads_expiring on uploads (expires_at)`.execute(transaction);
  await sql`create table upload_parts (
    file uuid not null references uploads on delete cascade,
    number int not null check (number >= 1),
    tag text not null,
    primary key (file, number)
  )`.execute(transaction);
  await sql`create table upload_pieces (
    file uuid not null references uploads on delete cascade,
    start bigint not null check (start >= 0),
    size int not null check (size > 0),
    blob_key uuid not null unique,
    primary key (file, start)
  )`.execute(transaction);
  await sql`create table usage_days (
    owner uuid not null,
    day date not null,
    bytes bigint not null check (bytes >= 0),
    primary key (owner, day)
  )`.execute(transaction);
  // Days that are over are dropped, whoever's they are.
  await sql`create index usage_days_day on usage_days (day)`.execute(transaction);
}
