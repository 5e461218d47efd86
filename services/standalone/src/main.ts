/** The platform in one process: `npm start`. */
import { fileURLToPath } from 'node:url';
import { ConfigError, run } from '@sotto/runtime';
import { loadStandaloneConfig } from './config.ts';
import { startPlatform } from './platform.ts';

const root = new URL('../../../', import.meta.url);
const source = { environment: process.env, file: fileURLToPath(new URL('config.yaml', root)) };
const load = () => loadStandaloneConfig(source, fileURLToPath(new URL('.data', root)));
const show = (line: string) => process.stderr.write(`${line.trimEnd()}\n`);

// Where they go may be full, or gone with its terminal: no reason to end the platform.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

function stop(error: unknown): never {
  if (error instanceof ConfigError) throw error;
  show(`sotto: ${error instanceof Error ? error.message : 'cannot start'}`);
  process.exit(1);
}

// The launcher holds the other end of this channel: when it is gone, so is whoever wanted the platform.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
process.channel?.unref();

run(() => start().catch(stop), { check: load });

async function start() {
  const { port, close } = await startPlatform(load(), { show, onFailure: stop });
  return { ready: `ready http://localhost:${port}`, close };
}
