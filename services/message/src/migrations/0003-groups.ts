/** Groups: membership logs, and who of a conversation's members may do what (ADR 10). */
import { createOutboxTable } from '@sotto/runtime';
import { type Kysely, sql } from 'kysely';

export async function groups(transaction: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(transaction);
  await createOutboxTable(transaction);
}

const STATEMENTS = [
  // Of a group, version is that of its log, head_hash the hash of the newest entry, title the ciphertext of its name.
  `alter table conversations
    drop constraint conversations_kind_check,
    drop constraint conversations_check,
    alter column pair_low drop not null,
    alter column pair_high drop not null,
    add column head_hash bytea,
    add column title bytea,
    add constraint conversations_kind_check check ((case kind
      when 'direct' then pair_low < pair_high and head_hash is null and title is null
      when 'group' then pair_low is null and pair_high is null and head_hash is not null
      else false end) is true)`,

  // role and since are the log's: null for who is not in it, and in direct conversations. rank tells apart who came by
  // the same entry. A member who is in the log but receives nothing has left_seq = joined_seq.
  `alter table conversation_members
    add column role smallint check (role in (1, 2)),
    add column since integer,
    add column rank smallint,
    add column requested boolean not null default false,
    add column muted_until timestamptz,
    add check ((role is null) = (since is null) and (role is null) = (rank is null))`,

  // Kept for as long as the conversation: who joins replays it from the first entry, whatever became of the messages.
  `create table membership_log (
    conversation uuid not null references conversations (id),
    version integer not null,
    seq bigint not null,
    entry bytea not null,
    primary key (conversation, version)
  )`,

  // Counts the changes of all device lists. Commits whose lists were read at the same count need not compare them.
  'alter table platform add column list_changes bigint not null default 0',
];
