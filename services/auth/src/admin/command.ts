/** What one command of the operator is, and what it works on. */
import type { Clock, Command as CommandOf, Database, SealedFields, Terminal } from '@sotto/runtime';
import type { Audit } from '../audit.ts';
import type { AuthTables } from '../schema.ts';
import type { SealedColumns } from '../sealed-columns.ts';

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

/** One command of this service. */
export type Command = CommandOf<AdminDeps>;
