/** The operator's commands beside `npm start`, or beside a configured database: `npm run admin -- COMMAND`. */
import { fileURLToPath } from 'node:url';
import { ConfigError } from '@sotto/runtime';
import { helpFor } from '../services/auth/src/admin/help.ts';
import { runOn } from '../services/auth/src/admin/open.ts';
import { processTerminal } from '../services/auth/src/admin/process-terminal.ts';
import { findSite } from '../services/standalone/src/admin-site.ts';

const EXIT_UNAVAILABLE = 69;
const EXIT_CONFIG = 78;

const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));
process.exitCode = await run(process.argv.slice(2));

async function run(words: readonly string[]): Promise<number> {
  const terminal = processTerminal();
  const help = helpFor(words);
  if (help !== undefined) {
    terminal.out(help);
    return 0;
  }
  try {
    const source = { environment: process.env, file: path('config.yaml') };
    return await runOn(findSite(source, path('.data')), terminal, words);
  } catch (error) {
    const { message } = error instanceof Error ? error : new Error('this failed');
    terminal.note(`sotto: ${message}`);
    return error instanceof ConfigError ? EXIT_CONFIG : EXIT_UNAVAILABLE;
  }
}
