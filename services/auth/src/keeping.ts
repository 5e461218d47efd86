/** What time does to what the service keeps: addresses go after a day, months of the audit log after a year. */
import type { Closable, Database, Logger } from '@sotto/runtime';
import { keepAuditPartitions } from './audit-partitions.ts';
import { removeOldSources } from './audit-store.ts';
import { deleteUnusedDevices } from './device-store.ts';
import { deleteOldInvites } from './invite-store.ts';
import { ENDED_INVITE_MS, KEEP_EVERY_MS, UNUSED_DEVICE_MS } from './limits.ts';
import type { AuthTables } from './schema.ts';

/** Does it now, and then again and again. Rejects when the partitions of today cannot be made. Close it. */
export async function startKeeping(
  database: Pick<Database<AuthTables>, 'query'>,
  log: Logger,
): Promise<Closable> {
  async function keep(): Promise<void> {
    await keepAuditPartitions(database);
    await removeOldSources(database.query);
    await deleteOldInvites(database.query, ENDED_INVITE_MS);
    await deleteUnusedDevices(database.query, UNUSED_DEVICE_MS);
  }
  let keeping = keep();
  await keeping;
  const timer = setInterval(() => {
    keeping = keep().catch((error) => log.warn('what is old cannot be removed', { error }));
  }, KEEP_EVERY_MS);
  return {
    async close() {
      clearInterval(timer);
      await keeping;
    },
  };
}
