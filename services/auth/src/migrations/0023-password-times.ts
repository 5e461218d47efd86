/** Sessions that were opened by a signed challenge have no time at which a password was given. */
import type { Migration } from '@sotto/runtime';
import { sql } from 'kysely';

export const passwordTimes: Migration = async (transaction) => {
  await sql`alter table sessions alter column authenticated_at drop not null`.execute(transaction);
};
