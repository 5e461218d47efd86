/** Devices that a push service wakes, and what the platform signs its requests to those services with. */
import { type Kysely, sql } from 'kysely';

export async function push(transaction: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(transaction);
}

const STATEMENTS = [
  // One row, PKCS #8. Browsers subscribe for this key alone, so with another all subscriptions are void.
  `create table push_keys (
    single boolean primary key default true check (single),
    private_key bytea not null,
    made_at timestamptz not null default now()
  )`,

  // due_at is when the device is to be woken, or, while somebody is at it, when another may take over: whatever dies,
  // the wish to wake a device outlives it. woken_at and alarmed_at, for urgent messages, are void once it connects.
  `create table push_subscriptions (
    device uuid primary key,
    user_id uuid not null,
    endpoint text not null,
    made_at timestamptz not null default now(),
    due_at timestamptz,
    urgent boolean not null default false,
    attempts smallint not null default 0,
    woken_at timestamptz,
    alarmed_at timestamptz
  ) with (fillfactor = 70)`,
  'create index push_subscriptions_user on push_subscriptions (user_id)',
  'create index push_subscriptions_due on push_subscriptions (due_at) where due_at is not null',
];
