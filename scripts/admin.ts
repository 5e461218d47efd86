/** The operator's commands beside `npm start`, or beside a configured database: `npm run admin -- COMMAND`. */
import { fileURLToPath } from 'node:url';
import { ConfigError, EXIT_CONFIG, EXIT_UNAVAILABLE, processTerminal } from '@sotto/runtime';
import { helpFor } from '../services/auth/src/admin/help.ts';
import { runOn as runOnAccounts } from '../services/auth/src/admin/open.ts';
import { REPORTS_HELP } from '../services/message/src/admin/help.ts';
import { runOn as runOnMessages } from '../services/message/src/admin/open.ts';
import { findSite } from '../services/standalone/src/admin-site.ts';

const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));
process.exitCode = await run(process.argv.slice(2));

async function run(words: readonly string[]): Promise<number> {
  const terminal = processTerminal();
  const help = helpFor(words, REPORTS_HELP);
  if (help !== undefined) {
    terminal.out(help);
    return 0;
  }
  try {
    const source = { environment: process.env, file: path('config.yaml') };
    const directory = path('.data');
    if (words[0] === 'reports') {
      const { database } = findSite(source, directory, 'message');
      return await runOnMessages(database, terminal, words);
    }
    return await runOnAccounts(findSite(source, directory, 'auth'), terminal, words);
  } catch (error) {
    const { message } = error instanceof Error ? error : new Error('this failed');
    terminal.note(`sotto: ${message}`);
    return error instanceof ConfigError ? EXIT_CONFIG : EXIT_UNAVAILABLE;
  }
}
