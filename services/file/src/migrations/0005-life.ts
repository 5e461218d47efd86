/** When files end: since when nobody shares them, who is heard to be in their conversations, and what was looked over when. */
import { type Kysely, sql } from 'kysely';

export async function life(transaction: Kysely<unknown>): Promise<void> {
  // From today for files that are shared nowhere: nobody was told before that they would go.
  await sql`alter table files add column unshared_at timestamptz default now()`.execute(
    transaction,
  );
  await sql`update files set unshared_at = null
    where exists (select from grants where grants.file = files.id)`.execute(transaction);
  await sql`create index files_unshared on files (unshared_at)
    where state = 'stored' and unshared_at is not null`.execute(transaction);
  await sql`create table conversations (
    id uuid primary key,
    asked_at timestamptz
  )`.execute(transaction);
  await sql`insert into conversations (id) select distinct conversation from grants`.execute(
    transaction,
  );
  await sql`create index conversations_asked on conversations (asked_at nulls first)`.execute(
    transaction,
  );
  await sql`alter table grants add foreign key (conversation) references conversations`.execute(
    transaction,
  );
  await sql`create index grants_conversation on grants (conversation)`.execute(transaction);
  await sql`create table members (
    conversation uuid not null references conversations on delete cascade,
    user_id uuid not null,
    version bigint not null,
    is_member boolean not null,
    heard_at timestamptz not null default now(),
    primary key (conversation, user_id)
  )`.execute(transaction);
  await sql`create index members_user on members (user_id)`.execute(transaction);
  await sql`create index members_left on members (heard_at) where not is_member`.execute(
    transaction,
  );
  await sql`create table rounds (
    name text primary key,
    begun_at timestamptz not null,
    reached uuid
  )`.execute(transaction);
}
