/** For finding the retired devices that never had keys. Nearly empty: they go after a while. */
import type { Migration } from '@sotto/runtime';
import { sql } from 'kysely';

export const forgettableDevices: Migration = async (transaction) => {
  await sql`create index devices_forgettable on devices (retired_at)
    where retired_at is not null and not has_keys`.execute(transaction);
};
