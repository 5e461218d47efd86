/**
 * `npm run web` builds the page that the gateway serves; `npm run web -- --dev` serves it from its sources, anew at each
 * change, beside a platform that runs.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { BUNDLER, buildPage, PAGE_FOLDER } from './web/page-build.ts';

const USAGE = `Usage: npm run web [-- --dev] [-- --platform URL]

Builds the web client into apps/web/dist, which npm start does by itself.

  --dev            serve it from its sources at http://localhost:5173, for working on it
  --platform URL   the platform that the page talks to then; http://localhost:8080
  --help           this text`;

const { values } = parseArgs({
  options: {
    dev: { type: 'boolean', default: false },
    platform: { type: 'string', default: 'http://localhost:8080' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) {
  console.log(USAGE);
} else if (values.dev) {
  const cwd = new URL('../apps/web', import.meta.url);
  const env = { ...process.env, SOTTO_PLATFORM: values.platform };
  const server = spawn(process.execPath, [BUNDLER], { cwd, env, stdio: 'inherit' });
  // The launcher holds the other end: when it is gone, so is whoever wanted the server.
  process.once('disconnect', () => server.kill());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.kill());
  await once(server, 'exit');
  process.channel?.unref();
} else {
  try {
    const isNew = await buildPage();
    console.log(isNew ? `built ${PAGE_FOLDER}` : `${PAGE_FOLDER} is up to date`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
  process.channel?.unref();
}
