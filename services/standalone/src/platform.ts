/** The whole platform on a data directory: lock, database, services, port. */
import { join } from 'node:path';
import { registrationMode } from '@sotto/auth/admin';
import { createLogger, listen } from '@sotto/runtime';
import { compose } from './compose.ts';
import type { StandaloneConfig } from './config.ts';
import { lockData } from './data-lock.ts';
import { openDatabases } from './databases.ts';
import { firstInvitation } from './first-invitation.ts';
import { type KeptAuthority, keepOwnCertificate, lanUrls } from './lan.ts';
import { openLogFile } from './log-file.ts';
import { ownHosts } from './private-network.ts';
import { rememberRunning } from './running.ts';

export interface Platform {
  /** Where it listens, also when the configuration says 0. */
  port: number;
  /** The same for whoever is on this machine. */
  url: string;
  /** The same for whoever is to come: in a private network its addresses there, the likeliest first. */
  urls: readonly string[];
  /** Who signs its certificate, when it does so itself. */
  authority: KeptAuthority | undefined;
  /** A link for the first who comes, where accounts are by invitation and none was given before. */
  invite(baseUrl: string): Promise<string | undefined>;
  /** Sockets are sent away first, over up to ten seconds. */
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
  const authority = await keepOwnCertificate({
    dataDirectory: config.data.directory,
    certificateFile: config.server.tls?.cert,
    onFailure: () => show(STALE),
  });
  started.defer(() => authority?.close());
  const databases = await openDatabases(config, onFailure);
  started.defer(() => databases.close());
  const gateway = await compose(config, {
    databases: databases.sections,
    logTo: log,
    authority: authority?.certificate,
    ownHosts: authority && (() => ownHosts().all),
  });
  started.defer(() => gateway.close());
  const listening = await listenClearly(gateway, {
    ...config.server,
    connectionsPerAddressMax: config.gateway.connectionsPerAddress,
    log: createLogger({ service: 'gateway', level: config.log.level, destination: log }),
  });
  const { auth } = databases.sections;
  const invite = (baseUrl: string): Promise<string | undefined> => {
    return registrationMode(config) === 'invite'
      ? firstInvitation(config.data.directory, {
          database: auth,
          fieldKeys: config.fields.keys,
          baseUrl,
        })
      : Promise.resolve(undefined);
  };
  const { port } = listening;
  const url = `${config.server.tls === undefined ? 'http' : 'https'}://localhost:${port}`;
  const urls = authority === undefined ? [url] : lanUrls({ host: config.server.host, port });
  const remembered = rememberRunning(config.data.directory, urls[0] ?? url);
  started.defer(() => remembered.forget());
  const running = started.move();
  return {
    port,
    url,
    urls,
    authority,
    invite,
    async close() {
      await gateway.drain();
      // Together: a server waits for its open sockets, and it is the services that end those.
      const closed = listening.close();
      await running.disposeAsync();
      await closed;
    },
  };
}

const STALE = 'sotto: the certificate for this network cannot be renewed; is the disk full?';

/** The port is that of the server or of the redirect beside it. */
interface ListenError extends Error {
  code?: unknown;
  port?: unknown;
}

async function listenClearly(
  gateway: Parameters<typeof listen>[0],
  place: Parameters<typeof listen>[1],
): ReturnType<typeof listen> {
  try {
    return await listen(gateway, place);
  } catch (error) {
    const { code, port }: ListenError = error instanceof Error ? error : new Error('unknown');
    // A certificate that cannot be used says so itself.
    if (code === undefined) throw error;
    const where = `${place.host}:${port ?? place.port}`;
    if (code === 'EADDRINUSE') {
      const variable = port === place.httpRedirectPort ? 'HTTP_REDIRECT_PORT' : 'SERVER_PORT';
      throw new Error(`${where} is in use: stop what listens there, or set ${variable}`);
    }
    throw new Error(`cannot listen on ${where} (${code})`, { cause: error });
  }
}
