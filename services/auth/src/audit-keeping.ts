/** What time does to the audit log: addresses go after a day, whole months after a year. */
import type { Database, Logger } from '@sotto/runtime';
import { keepAuditPartitions } from './audit-partitions.ts';
import { removeOldSources } from './audit-store.ts';
import { AUDIT_KEEP_EVERY_MS } from './limits.ts';
import type { AuthTables } from './schema.ts';

/** Does both now, and then again and again. Rejects when the partitions of today cannot be made. Close it. */
export async function startAuditKeeping(
  database: Pick<Database<AuthTables>, 'query'>,
  log: Logger,
): Promise<{ close(): void }> {
  async function keep(): Promise<void> {
    await keepAuditPartitions(database);
    await removeOldSources(database.query);
  }
  await keep();
  const timer = setInterval(() => {
    keep().catch((error) => log.warn('the audit log cannot be tidied', { error }));
  }, AUDIT_KEEP_EVERY_MS);
  return { close: () => clearInterval(timer) };
}
