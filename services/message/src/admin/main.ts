/** The operator's commands in a container of the message service: `node src/admin/main.ts COMMAND`. */
import { ConfigError, databaseSection, loadConfig, processTerminal } from '@sotto/runtime';
import { z } from 'zod';
import { helpFor } from './help.ts';
import { runOn } from './open.ts';

/** As much of the service's configuration as the commands need. */
const AdminConfig = z.object({ database: databaseSection });

const EXIT_CONFIG = 78;

async function run(words: readonly string[]): Promise<number> {
  const terminal = processTerminal();
  const help = helpFor(words);
  if (help !== undefined) {
    terminal.out(help);
    return 0;
  }
  try {
    const source = { environment: process.env, file: 'config.yaml' };
    return await runOn(loadConfig(AdminConfig, source).database, terminal, words);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    terminal.note(error.message);
    return EXIT_CONFIG;
  }
}

process.exitCode = await run(process.argv.slice(2));
