/**
 * `npm run restored`: to be run once after a backup of the database was put back, before the platform is started on it.
 * docs/restore.md says when and why.
 */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { CommandError, EXIT_USAGE } from '@sotto/runtime';
import { AlreadyRestored } from '../services/message/src/restored.ts';
import { loadStandaloneConfig, secretsDirectory } from '../services/standalone/src/config.ts';
import { lockData } from '../services/standalone/src/data-lock.ts';
import { openDatabases } from '../services/standalone/src/databases.ts';
import { explainFailure } from './backup/console.ts';
import { makeSafe, tellSafety } from './backup/make-safe.ts';
import { databasesElsewhere, dataDirectory, source } from './backup/site.ts';

const USAGE = `usage: npm run restored [-- --again]

Run it after a backup of the database was put back, with the platform stopped, before it is
started again. Set DATA_DIR or DATABASE_URL as for the platform; DATABASE_URL names a role that
may write to the schemas auth, key and message.

  --again   do it once more, though the platform has not run since
  --help    show this

Exit codes: 0 done, 1 not possible, 64 wrong call, 69 not reachable, 78 wrong configuration.`;

/** PostgreSQL's codes for a column, a table and a schema that is not there. */
const ABSENT = ['42703', '42P01', '3F000'];

process.exitCode = await main();

async function main(): Promise<number> {
  try {
    const { values } = parseArgs({
      options: {
        again: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      return 0;
    }
    await restore(values.again);
    return 0;
  } catch (error) {
    const code = explainFailure(explained(error));
    if (code === EXIT_USAGE) console.error(USAGE);
    return code;
  }
}

async function restore(again: boolean): Promise<void> {
  const elsewhere = databasesElsewhere();
  const safety =
    elsewhere === undefined ? await makeOwnSafe(again) : await makeSafe(elsewhere, { again });
  for (const line of tellSafety(safety)) console.log(line);
}

/** With the data directory held, so that no platform runs on it. */
async function makeOwnSafe(again: boolean): ReturnType<typeof makeSafe> {
  const directory = dataDirectory();
  // What is not there is not made: an empty platform has nothing to restore.
  if (!existsSync(secretsDirectory(directory))) {
    throw new Error(`there is no platform in ${directory}: set DATA_DIR or DATABASE_URL`);
  }
  const lock = lockData(directory);
  try {
    const config = loadStandaloneConfig(source, { dataDirectory: directory });
    const databases = await openDatabases(config, (error) => console.error(error.message));
    try {
      return await makeSafe(databases.sections, { again });
    } finally {
      await databases.close();
    }
  } finally {
    lock.close();
  }
}

/** The same error, or one that says what to do. */
function explained(error: unknown): unknown {
  if (error instanceof AlreadyRestored) {
    return new CommandError(
      `${error.message}, and nothing has run on it since; start the platform, or say --again`,
    );
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!ABSENT.includes(code)) return error;
  return new CommandError(
    'this backup is of another release: use the "npm run restored" of that one',
  );
}
