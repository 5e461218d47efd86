/** Conversations, messages, cursors, the outbox of the fan-out, and copies of what other services own. */
import { type Kysely, sql } from 'kysely';

export async function init(transaction: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(transaction);
}

const STATEMENTS = [
  // One row. Raised when the platform is restored from a backup (DESIGN 2.9).
  `create table platform (
    single boolean primary key default true check (single),
    incarnation integer not null default 1
  )`,
  'insert into platform default values',

  // Copies. "C" makes the index serve prefixes; folded is the username in lower case.
  `create table accounts (
    user_id uuid primary key,
    username text not null,
    folded text collate "C" not null
  )`,
  'create index accounts_folded on accounts (folded)',
  `create table device_lists (
    user_id uuid primary key,
    version bigint not null,
    devices uuid[] not null
  )`,

  // last_seq counts the places taken. It is written with every batch, which finds room on the same page.
  `create table conversations (
    id uuid primary key,
    kind text not null check (kind = 'direct'),
    version integer not null default 1,
    last_seq bigint not null default 0,
    pair_low uuid not null,
    pair_high uuid not null,
    created_at timestamptz not null default now(),
    constraint conversations_pair unique (pair_low, pair_high),
    check (pair_low < pair_high)
  ) with (fillfactor = 50)`,
  // A member reads places from joined_seq on, and none from left_seq on.
  `create table conversation_members (
    conversation uuid not null references conversations (id),
    user_id uuid not null,
    joined_seq bigint not null,
    left_seq bigint,
    primary key (conversation, user_id)
  )`,
  'create index conversation_members_user on conversation_members (user_id, conversation)',

  // Partitions are made by partitions.ts. sent_at is in the key because a partitioned key must hold it; that
  // (conversation, seq) is unique follows from the counter. Ciphertexts do not compress, so none is tried.
  `create table messages (
    conversation uuid not null,
    seq bigint not null,
    sent_at timestamptz not null,
    id uuid not null,
    kind smallint not null,
    sender_user uuid not null,
    sender_device uuid not null,
    recipients bytea not null,
    primary key (conversation, seq, sent_at)
  ) partition by range (sent_at)`,
  'alter table messages alter column recipients set storage external',

  // What makes sending again safe. The id comes first: ids grow with time, so inserts stay on the index's last page,
  // and a message is found by its id alone.
  `create table message_ids (
    id uuid not null,
    sender_device uuid not null,
    conversation uuid not null,
    seq bigint not null,
    sent_at timestamptz not null,
    sha256 bytea not null,
    constraint message_ids_key primary key (id, sender_device)
  )`,

  `create table cursors (
    device uuid not null,
    conversation uuid not null,
    seq bigint not null,
    primary key (device, conversation)
  ) with (fillfactor = 70)`,

  // One row per committed batch until the bus has it: places, never bodies. Rows live for milliseconds.
  `create table fanout_outbox (
    id bigint generated always as identity primary key,
    event_id uuid not null default gen_random_uuid(),
    conversations uuid[] not null,
    firsts bigint[] not null,
    lasts bigint[] not null,
    created_at timestamptz not null default clock_timestamp()
  ) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)`,
];
