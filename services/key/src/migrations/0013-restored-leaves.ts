/** For finding the leaf that tells of the last restore, among those of accounts. */
import type { Migration } from '@sotto/runtime';
import { sql } from 'kysely';

export const restoredLeaves: Migration = async (transaction) => {
  await sql`create index key_log_leaves_restored on key_log_leaves (position) where account is null`.execute(
    transaction,
  );
};
