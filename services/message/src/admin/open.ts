/** What the operator's commands work with, opened for one command. */
import {
  type DatabaseSection,
  databaseOptions,
  openDatabase,
  runCommand,
  type Terminal,
} from '@sotto/runtime';
import type { Tables } from '../schema.ts';
import { REPORT_COMMANDS } from './report-commands.ts';

/** Runs a command on the database of a platform, and closes what it opened. Resolves to the exit code. */
export async function runOn(
  section: DatabaseSection,
  terminal: Terminal,
  words: readonly string[],
): Promise<number> {
  // One command at a time asks the database one thing at a time.
  const database = openDatabase<Tables>({ ...databaseOptions(section, 'message'), poolMax: 2 });
  try {
    return await runCommand(REPORT_COMMANDS, { database, terminal }, words);
  } finally {
    await database.close();
  }
}
