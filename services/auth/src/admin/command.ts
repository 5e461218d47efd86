/** What one command of the operator is, and what it works on. */
import type { Clock, Database, SealedFields } from '@sotto/runtime';
import type { Audit } from '../audit.ts';
import type { AuthTables } from '../schema.ts';
import type { SealedColumns } from '../sealed-columns.ts';
import type { Terminal } from './terminal.ts';

export interface AdminDeps {
  database: Pick<Database<AuthTables>, 'query'>;
  audit: Audit;
  columns: SealedColumns;
  fields: SealedFields;
  clock: Clock;
  /** Where the platform is reached, for links. */
  baseUrl: string;
  terminal: Terminal;
}

/** One command: what stands behind its name. Throws a CommandError when it cannot do as told. */
export type Command = (deps: AdminDeps, words: readonly string[]) => Promise<void>;
