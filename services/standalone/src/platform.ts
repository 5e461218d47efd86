/** The whole platform on a data directory: lock, database, services, port. */
import { join } from 'node:path';
import { listen } from '@sotto/runtime';
import { compose } from './compose.ts';
import type { StandaloneConfig } from './config.ts';
import { lockData } from './data-lock.ts';
import { openDatabases } from './databases.ts';
import { openLogFile } from './log-file.ts';

export interface Platform {
  /** Where it listens, also when the configuration says 0. */
  port: number;
  close(): Promise<void>;
}

export interface PlatformOptions {
  /** Shows a line to whoever started the platform. */
  show: (line: string) => void;
  /** The platform cannot go on. */
  onFailure: (error: Error) => void;
}

/** Starts it. Rejects with a one-line error, with nothing left running, when that cannot be. */
export async function startPlatform(
  config: StandaloneConfig,
  { show, onFailure }: PlatformOptions,
): Promise<Platform> {
  await using started = new AsyncDisposableStack();
  const lock = lockData(config.data.directory);
  started.defer(() => lock.close());
  const log = openLogFile(join(config.data.directory, 'logs', 'sotto.log'), show);
  const databases = await openDatabases(config, onFailure);
  started.defer(() => databases.close());
  const gateway = await compose(config, { databases: databases.sections, logTo: log });
  started.defer(() => gateway.close());
  const listening = await listenClearly(gateway, config.server);
  const running = started.move();
  return {
    port: listening.port,
    async close() {
      // Together: a server waits for its open sockets, and it is the services that end those.
      const closed = listening.close();
      await running.disposeAsync();
      await closed;
    },
  };
}

async function listenClearly(
  gateway: Parameters<typeof listen>[0],
  server: StandaloneConfig['server'],
): ReturnType<typeof listen> {
  try {
    return await listen(gateway, server);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const where = `${server.host}:${server.port}`;
    if (code === 'EADDRINUSE') {
      throw new Error(`${where} is in use: stop what listens there, or set SERVER_PORT`);
    }
    throw new Error(`cannot listen on ${where} (${code})`, { cause: error });
  }
}
