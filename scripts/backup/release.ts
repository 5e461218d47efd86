/** The steps that make the schemas of this release, and those that a database has. */
import type { Migrations } from '@sotto/runtime';
import type pg from 'pg';
import { migrations as ofAuth } from '../../services/auth/src/migrations/index.ts';
import { migrations as ofFile } from '../../services/file/src/migrations/index.ts';
import { migrations as ofKey } from '../../services/key/src/migrations/index.ts';
import { migrations as ofMessage } from '../../services/message/src/migrations/index.ts';
import type { SchemaName } from './records.ts';

/** In the order in which they run. */
export const MIGRATIONS: Readonly<Record<SchemaName, Migrations>> = {
  auth: ofAuth,
  key: ofKey,
  message: ofMessage,
  file: ofFile,
};

/** Their names, in order. */
export async function appliedMigrations(
  client: pg.ClientBase,
  schema: SchemaName,
): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select name from ${schema}.migrations order by name`,
  );
  return rows.map(({ name }) => name);
}
