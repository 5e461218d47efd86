/** Users who are no more: what is told late of them must not bring them back. Their ids say nothing of who they were. */
import { type Kysely, sql } from 'kysely';

export async function erasure(transaction: Kysely<unknown>): Promise<void> {
  await sql`create table erased_users (
    user_id uuid primary key,
    devices uuid[] not null,
    deleted_at timestamptz not null default now(),
    erased_at timestamptz
  )`.execute(transaction);
  await sql`create index erased_users_waiting on erased_users (deleted_at) where erased_at is null`.execute(
    transaction,
  );
}
