/** What the operator's commands work with, opened for one command. */
import {
  createLogger,
  createSealedFields,
  type DatabaseSection,
  databaseOptions,
  openDatabase,
  type Terminal,
} from '@sotto/runtime';
import { createAudit } from '../audit.ts';
import type { AuthTables } from '../schema.ts';
import { createSealedColumns } from '../sealed-columns.ts';
import { runAdmin } from './admin.ts';

export { registrationMode } from '../config.ts';

/** Where the accounts are, and what opens their sealed columns. */
export interface AdminSite {
  database: DatabaseSection;
  fieldKeys: readonly string[];
  baseUrl: string;
}

/** Runs a command on a site, and closes what it opened. Resolves to the exit code. */
export async function runOn(
  { database: section, fieldKeys, baseUrl }: AdminSite,
  terminal: Terminal,
  words: readonly string[],
): Promise<number> {
  const fields = createSealedFields(fieldKeys);
  const columns = createSealedColumns(fields);
  // One command at a time asks the database one thing at a time.
  const database = openDatabase<AuthTables>({ ...databaseOptions(section, 'auth'), poolMax: 2 });
  const log = createLogger({ service: 'admin', level: 'silent' });
  try {
    const audit = createAudit({ log, sealSource: columns.sealSource });
    return await runAdmin(
      { database, audit, columns, fields, clock: Date.now, baseUrl, terminal },
      words,
    );
  } finally {
    await database.close();
  }
}
