/** Devices whose key alone opens no session, because somebody ended theirs from elsewhere. */
import type { Migration } from '@sotto/runtime';
import { sql } from 'kysely';

export const needsPassword: Migration = async (transaction) => {
  await sql`alter table devices add column needs_password boolean not null default false`.execute(
    transaction,
  );
};
