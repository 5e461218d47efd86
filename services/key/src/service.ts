/** The key service, put together. */
import {
  type Bus,
  type Clock,
  createApp,
  createAuthenticate,
  createLogger,
  createMemoryBus,
  createMetrics,
  createRevocations,
  type Database,
  databaseOptions,
  type Fetch,
  type Logger,
  migrate,
  openDatabase,
  openNatsBus,
  remotePeer,
  type Service,
  startOutbox,
} from '@sotto/runtime';
import type { KeyConfig } from './config.ts';
import { createEvents } from './events.ts';
import { createKeyChecks } from './key-checks.ts';
import { migrations } from './migrations/index.ts';
import { routes } from './routes.ts';
import type { KeyTables } from './schema.ts';

export { KeyConfig } from './config.ts';

/** What the host of the service already has. The service closes none of it. */
export interface Given {
  database?: Database<KeyTables>;
  bus?: Bus;
  log?: Logger;
  clock?: Clock;
  peers?: { auth: Fetch };
}

const SCHEMA = 'key';

/** Starts the service: its schema brought up to date, its outbox publishing. Throws, with nothing left open, when it cannot. */
export async function startKey(config: KeyConfig, given: Given = {}): Promise<Service> {
  await using opened = new AsyncDisposableStack();
  const own = <Owned extends { close(): Promise<void> | void }>(resource: Owned): Owned => {
    opened.defer(() => resource.close());
    return resource;
  };
  const log = given.log ?? createLogger({ service: 'key', level: config.log.level });
  const clock = given.clock ?? Date.now;
  const { auth } = given.peers ?? { auth: remotePeer(config.services.auth) };
  const database = given.database ?? own(openDatabase(databaseOptions(config.database, SCHEMA)));
  await migrate(database, database.schema, migrations, { log });
  const bus = given.bus ?? own(await openBus(config, log));
  const outbox = own(startOutbox({ database, bus, log }));

  const metrics = createMetrics('key');
  const internalSecret = config.internal.secret;
  const revocations = own(createRevocations({ auth, internalSecret, clock, log }));
  await revocations.start();
  const { issuer, audience } = config.jwt;
  const authenticate = createAuthenticate({ auth, issuer, audience, clock, revocations });

  // Not the bus: without it events wait in the outbox, and requests are answered all the same.
  const app = createApp({ service: 'key', log, metrics, ready: () => database.ping() });
  const checks = own(createKeyChecks());
  const events = createEvents(metrics);
  routes(app, { authenticate, internalSecret }, { database, outbox, events, checks, clock });

  const running = opened.move();
  return { fetch: app.fetch, close: () => running.disposeAsync() };
}

async function openBus({ nats }: KeyConfig, log: Logger): Promise<Bus> {
  return nats.url === undefined ? createMemoryBus({ log }) : openNatsBus({ url: nats.url, log });
}
