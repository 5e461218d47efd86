/** The auth service, put together. */
import {
  type App,
  type Bus,
  type Clock,
  type Counters,
  consumeEvent,
  createApp,
  createLimiters,
  createLogger,
  createMetrics,
  createProofs,
  createSealedFields,
  createUserLimit,
  type Database,
  databaseOptions,
  type Fetch,
  type Guards,
  type Limiters,
  type Logger,
  meterDatabase,
  meterLevels,
  meterOutboxes,
  migrate,
  openBus,
  openCounters,
  openDatabase,
  type ProofOrigins,
  proofOrigins,
  remotePeer,
  type Service,
  startOutbox,
} from '@sotto/runtime';
import { createAudit } from './audit.ts';
import { createOwnAuthenticate } from './authenticate.ts';
import { createChallenges } from './challenge.ts';
import { type AuthConfig, registrationMode } from './config.ts';
import { startErasure } from './deletion.ts';
import { noteDeviceList } from './devices.ts';
import { type AuthEvents, createEvents } from './events.ts';
import { startKeeping } from './keeping.ts';
import { createAuthLimiters } from './limiters.ts';
import { migrations } from './migrations/index.ts';
import { createPasswords } from './passwords.ts';
import { routes } from './routes.ts';
import type { AuthTables } from './schema.ts';
import { createSealedColumns } from './sealed-columns.ts';
import { startSessionKeeping } from './session-keeping.ts';
import type { SessionDeps } from './sessions.ts';
import { createAccessTokens } from './tokens.ts';
import { createFindUnlisted } from './unlisted-devices.ts';

export { AuthConfig } from './config.ts';

/** What the host of the service already has. The service closes none of it. */
export interface Given {
  database?: Database<AuthTables>;
  bus?: Bus;
  counters?: Counters;
  /** What request proofs may name; by the configuration when left out. */
  proofOrigins?: ProofOrigins;
  peers?: { key: Fetch; message: Fetch; file: Fetch };
  log?: Logger;
  clock?: Clock;
}

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
  const bus = given.bus ?? own(await openBus(config.nats, log));
  const counters = given.counters ?? own(await openCounters(config.redis, log));
  const outbox = own(startOutbox({ database, bus, log }));
  own(
    await consumeEvent(bus, 'auth-device-lists', 'events.device-list.changed', (event) =>
      noteDeviceList(database.query, event),
    ),
  );

  own(await startKeeping(database, log));
  own(startErasure({ database }, log));
  own(startSessionKeeping(database.query, log));
  const columns = createSealedColumns(createSealedFields(config.fields.keys));
  const audit = createAudit({ log, sealSource: columns.sealSource });
  own(
    await consumeEvent(bus, 'auth-audit', 'events.audit.noted', (noted) =>
      database.query.transaction().execute((transaction) => audit.take(transaction, noted)),
    ),
  );

  const metrics = createMetrics('auth');
  meterDatabase(database, metrics);
  own(meterOutboxes({ database, metrics, log, outboxes: { events: 'outbox' } }));
  own(meterLevels({ bus, metrics, log }));
  const events = createEvents(metrics, log);
  // Not the bus: without it events wait in the outbox, and requests are answered all the same.
  const app = createApp({ service: 'auth', log, metrics, ready: () => database.ping() });
  const limiters = createLimiters({ counters, metrics });
  const { newDevicesPerDay } = config.limits;
  const tokens = await tokenDeps(config, clock);
  const peers = given.peers ?? {
    key: remotePeer(config.services.key),
    message: remotePeer(config.services.message),
    file: remotePeer(config.services.file),
  };
  const internalSecret = config.internal.secret;
  const findUnlisted = createFindUnlisted({ database, key: peers.key, internalSecret });
  const sessions = {
    ...{ database, outbox, events, audit, clock, newDevicesPerDay, findUnlisted },
    ...tokens,
  };
  const origins = given.proofOrigins ?? proofOrigins({ server: config.server, log });
  const guards = ownGuards(config, { app, sessions, counters, limiters, origins });
  routes(app, guards, {
    ...sessions,
    ...limitsOf(config, limiters, events),
    counters,
    columns,
    passwords: await createPasswords({ onBusy: events.hashingBusy, onHash: events.hashed }),
    registrationMode: registrationMode(config),
    internalSecret,
    peers,
  });

  const running = opened.move();
  return { fetch: app.fetch, close: () => running.disposeAsync() };
}

interface OwnGuardsDeps {
  app: App;
  sessions: SessionDeps;
  counters: Counters;
  limiters: Limiters;
  origins: ProofOrigins;
}

/** As every service guards its routes, but sessions that have ended are known here at once. */
function ownGuards(config: AuthConfig, deps: OwnGuardsDeps): Guards {
  const { app, sessions, counters, limiters, origins } = deps;
  const { clock } = sessions;
  const { issuer, audience } = config.jwt;
  const { secret: internalSecret } = config.internal;
  const auth: Fetch = (request) => app.fetch(request);
  return {
    authenticate: createOwnAuthenticate(sessions, { auth, issuer, audience, clock }),
    internalSecret,
    proofs: createProofs({ counters, internalSecret, origins, clock }),
    userLimit: createUserLimit(limiters, config.limits.userPerMinute),
  };
}

async function tokenDeps({ jwt }: AuthConfig, clock: Clock) {
  return {
    accessTokens: await createAccessTokens({
      secrets: jwt.accessTokenSecret,
      issuer: jwt.issuer,
      audience: jwt.audience,
      lifeMs: jwt.accessTokenExpiry,
    }),
    refreshSecrets: jwt.refreshTokenSecret,
    challenges: createChallenges(jwt.refreshTokenSecret, clock),
    refreshLifeMs: jwt.refreshTokenExpiry,
  };
}

function limitsOf({ limits, server }: AuthConfig, limiters: Limiters, events: AuthEvents) {
  const { trustedProxies } = server;
  return createAuthLimiters({ limits, trustedProxies, limiters, events });
}
