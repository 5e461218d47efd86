/** Whom users have blocked, and what they have shown the operator. */
import { type Kysely, sql } from 'kysely';

export async function people(transaction: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(transaction);
}

const STATEMENTS = [
  `create table blocks (
    blocker uuid not null,
    blocked uuid not null,
    created_at timestamptz not null default now(),
    primary key (blocker, blocked)
  )`,
  'create index blocks_blocked on blocks (blocked)',

  // Plaintext, as their makers chose to disclose it: the only one that the platform ever holds. reports_made serves the
  // operator's list and the sweep by age.
  `create table reports (
    id uuid primary key,
    reporter uuid not null,
    reported uuid not null,
    conversation uuid,
    reason text not null,
    note text,
    messages jsonb not null,
    made_at timestamptz not null default now(),
    closed_at timestamptz
  )`,
  'create index reports_made on reports (made_at, id)',
  'create index reports_reporter on reports (reporter)',
];
