/** For finding what each witness has signed last. */
import type { Migration } from '@sotto/runtime';
import { sql } from 'kysely';

export const cosignaturesByWitness: Migration = async (transaction) => {
  await sql`create index key_log_cosignatures_witness on key_log_cosignatures (witness_key, size)`.execute(
    transaction,
  );
};
