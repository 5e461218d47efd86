/** For finding the marks of devices that ended long ago. */
import type { Migration } from '@sotto/runtime';
import { sql } from 'kysely';

export const retention: Migration = async (transaction) => {
  await sql`create index retired_devices_age on retired_devices (retired_at)`.execute(transaction);
};
