/** The auth service, put together. */
import {
  type App,
  type Bus,
  type Clock,
  type Closable,
  type Counters,
  consumeEvent,
  createApp,
  createLogger,
  createMemoryBus,
  createMemoryCounters,
  createMetrics,
  type Database,
  databaseOptions,
  type Logger,
  migrate,
  openDatabase,
  openNatsBus,
  openRedisCounters,
  type Service,
  startOutbox,
} from '@sotto/runtime';
import { createAttempts } from './attempts.ts';
import { createOwnAuthenticate } from './authenticate.ts';
import type { AuthConfig } from './config.ts';
import { noteDeviceList } from './devices.ts';
import { type AuthEvents, createEvents } from './events.ts';
import { migrations } from './migrations/index.ts';
import { createPasswords } from './passwords.ts';
import { routes } from './routes.ts';
import type { AuthTables } from './schema.ts';
import { createAccessTokens } from './tokens.ts';

/** What a host has open already. It stays the host's: the service does not close it. */
export interface Given {
  database?: Database<AuthTables>;
  bus?: Bus;
  counters?: Counters;
  log?: Logger;
  clock?: Clock;
}

const HOUR_MS = 3_600_000;
const SCHEMA = 'auth';

/** Starts the service: schema migrated, events consumed, ready for requests. Leaves nothing open when it fails. */
export async function startAuth(config: AuthConfig, given: Given = {}): Promise<Service> {
  const owned: Closable[] = [];
  const close = async (): Promise<void> => {
    for (const one of owned.splice(0).reverse()) await one.close();
  };
  try {
    const app = await compose(config, given, (one) => owned.push(one));
    return { fetch: (request) => app.fetch(request), close };
  } catch (error) {
    await close();
    throw error;
  }
}

type Own = (one: Closable) => void;

async function compose(config: AuthConfig, given: Given, own: Own): Promise<App> {
  const { clock = Date.now } = given;
  const log = given.log ?? createLogger({ service: 'auth', level: config.log.level });
  const metrics = createMetrics('auth');
  const events = createEvents(metrics, log);
  const database = given.database ?? openOwnDatabase(config, own);
  await migrate(database, SCHEMA, migrations, { log });
  const bus = given.bus ?? (await openOwnBus(config, log, own));
  const counters = given.counters ?? (await openOwnCounters(config, log, own));
  const outbox = startOutbox({ database, bus, log });
  own(outbox);
  own(
    await consumeEvent(bus, 'auth-device-lists', 'events.device-list.changed', (event) =>
      noteDeviceList(database.query, event),
    ),
  );

  const app = createApp({
    service: 'auth',
    log,
    metrics,
    ready: async () => void (await Promise.all([database.ping(), bus.ping()])),
  });
  const { jwt } = config;
  const sessions = {
    database,
    outbox,
    events,
    clock,
    accessTokens: await createAccessTokens({
      secrets: jwt.accessTokenSecret,
      issuer: jwt.issuer,
      audience: jwt.audience,
      lifeMs: jwt.accessTokenExpiry,
    }),
    refreshSecrets: jwt.refreshTokenSecret,
    refreshLifeMs: jwt.refreshTokenExpiry,
  };
  const authenticate = createOwnAuthenticate(sessions, {
    auth: (request) => app.fetch(request),
    issuer: jwt.issuer,
    audience: jwt.audience,
    clock,
  });
  routes(app, {
    ...sessions,
    ...limiters(config, { counters, events }),
    passwords: await createPasswords({ onBusy: events.hashingBusy }),
    guards: { authenticate, internalSecret: config.internal.secret },
  });
  return app;
}

function limiters({ limits }: AuthConfig, deps: { counters: Counters; events: AuthEvents }) {
  return {
    registrations: createAttempts(deps, {
      name: 'register',
      max: limits.registerPerHour,
      windowMs: HOUR_MS,
    }),
    loginFailures: createAttempts(deps, {
      name: 'login',
      max: limits.loginFailures,
      windowMs: limits.loginWindow,
    }),
  };
}

function openOwnDatabase(config: AuthConfig, own: Own): Database<AuthTables> {
  const database = openDatabase<AuthTables>(databaseOptions(config.database, SCHEMA));
  own(database);
  return database;
}

async function openOwnBus({ nats }: AuthConfig, log: Logger, own: Own): Promise<Bus> {
  const bus =
    nats.url === undefined ? createMemoryBus({ log }) : await openNatsBus({ url: nats.url, log });
  own(bus);
  return bus;
}

async function openOwnCounters({ redis }: AuthConfig, log: Logger, own: Own): Promise<Counters> {
  const counters =
    redis.url === undefined
      ? createMemoryCounters()
      : await openRedisCounters({ url: redis.url, log });
  own(counters);
  return counters;
}
