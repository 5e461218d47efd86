/** The operator's commands that work on several services at once: what they get, and how they are noted. */
import {
  type Command,
  CommandError,
  createLogger,
  createSealedFields,
  type Database,
  type DatabaseSection,
  databaseOptions,
  EXIT_UNAVAILABLE,
  openDatabase,
  type Terminal,
} from '@sotto/runtime';
import { createAudit } from '../../services/auth/src/audit.ts';
import type { AuthTables } from '../../services/auth/src/schema.ts';
import { createSealedColumns, type SealedColumns } from '../../services/auth/src/sealed-columns.ts';
import type { FileTables } from '../../services/file/src/schema.ts';
import type { KeyTables } from '../../services/key/src/schema.ts';
import type { Tables as MessageTables } from '../../services/message/src/schema.ts';
import { findDatabase } from '../backup/site.ts';

export interface OperationDeps {
  auth: Database<AuthTables>;
  key: Database<KeyTables>;
  message: Database<MessageTables>;
  file: Database<FileTables>;
  columns: SealedColumns;
  audit: ReturnType<typeof createAudit>;
  terminal: Terminal;
}

/** One such command. */
export type Operation = Command<OperationDeps>;

/** Works with what it opens, and closes it. Throws a CommandError when no platform can be reached. */
export async function withOperation<Result>(
  { terminal, fieldKeys }: { terminal: Terminal; fieldKeys: readonly string[] },
  work: (deps: OperationDeps) => Promise<Result>,
): Promise<Result> {
  const section = findDatabase();
  if (section === undefined) {
    throw new CommandError('the platform does not run: start it first', EXIT_UNAVAILABLE);
  }
  await using opened = new AsyncDisposableStack();
  const open = <Tables>(schema: string): Database<Tables> => {
    const database = openDatabase<Tables>(optionsFor(section, schema));
    opened.defer(() => database.close());
    return database;
  };
  const columns = createSealedColumns(createSealedFields(fieldKeys));
  const log = createLogger({ service: 'admin', level: 'silent' });
  return await work({
    auth: open<AuthTables>('auth'),
    key: open<KeyTables>('key'),
    message: open<MessageTables>('message'),
    file: open<FileTables>('file'),
    columns,
    audit: createAudit({ log, sealSource: columns.sealSource }),
    terminal,
  });
}

/** One command at a time asks one thing at a time. */
function optionsFor(section: DatabaseSection, schema: string) {
  return { ...databaseOptions(section, schema), poolMax: 2 };
}
