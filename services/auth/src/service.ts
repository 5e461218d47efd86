/** The auth service, put together. */
import {
  type Bus,
  type Clock,
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
import { type AttemptsDeps, createAttempts } from './attempts.ts';
import { createAudit } from './audit.ts';
import { startAuditKeeping } from './audit-keeping.ts';
import { createOwnAuthenticate } from './authenticate.ts';
import type { AuthConfig } from './config.ts';
import { noteDeviceList } from './devices.ts';
import { createEvents } from './events.ts';
import { migrations } from './migrations/index.ts';
import { createPasswords } from './passwords.ts';
import { routes } from './routes.ts';
import type { AuthTables } from './schema.ts';
import { createAccessTokens } from './tokens.ts';

export { AuthConfig } from './config.ts';

/** What the host of the service already has. The service closes none of it. */
export interface Given {
  database?: Database<AuthTables>;
  bus?: Bus;
  counters?: Counters;
  log?: Logger;
  clock?: Clock;
}

const HOUR_MS = 3_600_000;
const SCHEMA = 'auth';

/** Starts the service: its schema brought up to date, its events flowing. Throws, with nothing left open, when it cannot. */
export async function startAuth(config: AuthConfig, given: Given = {}): Promise<Service> {
  await using opened = new AsyncDisposableStack();
  const own = <Owned extends { close(): Promise<void> | void }>(resource: Owned): Owned => {
    opened.defer(() => resource.close());
    return resource;
  };
  const log = given.log ?? createLogger({ service: 'auth', level: config.log.level });
  const clock = given.clock ?? Date.now;
  const database = given.database ?? own(openDatabase(databaseOptions(config.database, SCHEMA)));
  await migrate(database, database.schema, migrations, { log });
  const bus = given.bus ?? own(await openBus(config, log));
  const counters = given.counters ?? own(await openCounters(config, log));
  const outbox = own(startOutbox({ database, bus, log }));
  own(
    await consumeEvent(bus, 'auth-device-lists', 'events.device-list.changed', (event) =>
      noteDeviceList(database.query, event),
    ),
  );

  own(await startAuditKeeping(database, log));
  const audit = createAudit({ log });
  own(
    await consumeEvent(bus, 'auth-audit', 'events.audit.noted', (noted) =>
      database.query.transaction().execute((transaction) => audit.take(transaction, noted)),
    ),
  );

  const metrics = createMetrics('auth');
  const events = createEvents(metrics, log);
  // Not the bus: without it events wait in the outbox, and requests are answered all the same.
  const app = createApp({ service: 'auth', log, metrics, ready: () => database.ping() });
  const sessions = { database, outbox, events, audit, clock, ...(await tokenDeps(config)) };
  const { issuer, audience } = config.jwt;
  const authenticate = createOwnAuthenticate(sessions, {
    auth: (request) => app.fetch(request),
    issuer,
    audience,
    clock,
  });
  const guards = { authenticate, internalSecret: config.internal.secret };
  const passwords = await createPasswords({ onBusy: events.hashingBusy });
  routes(app, guards, { ...sessions, ...limiters(config, { counters, events }), passwords });

  const running = opened.move();
  return { fetch: app.fetch, close: () => running.disposeAsync() };
}

async function tokenDeps({ jwt }: AuthConfig) {
  return {
    accessTokens: await createAccessTokens({
      secrets: jwt.accessTokenSecret,
      issuer: jwt.issuer,
      audience: jwt.audience,
      lifeMs: jwt.accessTokenExpiry,
    }),
    refreshSecrets: jwt.refreshTokenSecret,
    refreshLifeMs: jwt.refreshTokenExpiry,
  };
}

function limiters({ limits }: AuthConfig, deps: AttemptsDeps) {
  const registrations = (max: number) => {
    return createAttempts(deps, { name: 'register', max, windowMs: HOUR_MS });
  };
  return {
    registrations: {
      public: registrations(limits.registerPerHour),
      private: registrations(limits.registerPerHourPrivate),
    },
    loginFailures: createAttempts(deps, {
      name: 'login',
      max: limits.loginFailures,
      windowMs: limits.loginWindow,
    }),
  };
}

async function openBus({ nats }: AuthConfig, log: Logger): Promise<Bus> {
  return nats.url === undefined ? createMemoryBus({ log }) : openNatsBus({ url: nats.url, log });
}

async function openCounters({ redis }: AuthConfig, log: Logger): Promise<Counters> {
  const { url } = redis;
  return url === undefined ? createMemoryCounters() : openRedisCounters({ url, log });
}
