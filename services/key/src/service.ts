/** The key service, put together. */
import {
  type Bus,
  type Clock,
  type Counters,
  createApp,
  createAuditCounts,
  createGuards,
  createLimiters,
  createLogger,
  createMetrics,
  type Database,
  databaseOptions,
  type Fetch,
  type Logger,
  meterDatabase,
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
import { createBundleClaims } from './bundle-claims.ts';
import { createBundleLimits } from './bundle-limits.ts';
import type { KeyConfig } from './config.ts';
import { consumeDepartures } from './departures.ts';
import { createEvents } from './events.ts';
import { createKeyChecks } from './key-checks.ts';
import { createConfirmation } from './list-confirmation.ts';
import { startKeyLog } from './log/key-log.ts';
import { createLogEvents } from './log/log-events.ts';
import { logRoutes } from './log/log-routes.ts';
import { migrations } from './migrations/index.ts';
import { sweepProvisioning } from './provisioning.ts';
import { startRetention } from './retention.ts';
import { routes } from './routes.ts';
import type { KeyTables } from './schema.ts';
import { createUploadLimits } from './upload-limits.ts';

export { KeyConfig } from './config.ts';

/** What the host of the service already has. The service closes none of it. */
export interface Given {
  database?: Database<KeyTables>;
  bus?: Bus;
  counters?: Counters;
  /** What request proofs may name; by the configuration when left out. */
  proofOrigins?: ProofOrigins;
  log?: Logger;
  clock?: Clock;
  peers?: { auth: Fetch; message: Fetch };
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
  const { auth, message } = given.peers ?? {
    auth: remotePeer(config.services.auth),
    message: remotePeer(config.services.message),
  };
  const database = given.database ?? own(openDatabase(databaseOptions(config.database, SCHEMA)));
  await migrate(database, database.schema, migrations, { log });
  const bus = given.bus ?? own(await openBus(config.nats, log));
  const counters = given.counters ?? own(await openCounters(config.redis, log));
  const outbox = own(startOutbox({ database, bus, log }));

  const metrics = createMetrics('key');
  meterDatabase(database, metrics);
  own(meterOutboxes({ database, metrics, log, outboxes: { events: 'outbox' } }));
  const internalSecret = config.internal.secret;
  const limiters = createLimiters({ counters, metrics });
  const { guards, revocations, tokenUses } = createGuards({
    ...{ auth, internalSecret, jwt: config.jwt, counters, limiters, metrics, clock, log },
    origins: given.proofOrigins ?? proofOrigins({ server: config.server, log }),
    userPerMinute: config.limits.userPerMinute,
  });
  own(revocations);
  own(tokenUses);
  await revocations.start();

  // Not the bus: without it events wait in the outbox, and requests are answered all the same.
  const ready = async () => {
    revocations.assertHeard();
    await database.ping();
  };
  const app = createApp({ service: 'key', log, metrics, ready });
  const checks = own(createKeyChecks());
  const events = createEvents(metrics, log);
  const keyLog = own(
    await startKeyLog({
      config: config.keyLog,
      ...{ database, clock, events: createLogEvents(metrics, log) },
    }),
  );
  const confirm = createConfirmation(message, internalSecret, events);
  const claims = own(createBundleClaims(database));
  const counts = own(createAuditCounts({ bus, clock, log }));
  const bundleLimits = createBundleLimits(limiters, config.limits);
  const uploadLimits = createUploadLimits(limiters, config.limits);
  const deps = {
    ...{ database, outbox, events, checks, clock, keyLog },
    ...{ claims, bundleLimits, uploadLimits, counts, confirm },
  };
  own(await consumeDepartures(bus, deps));
  own(sweepProvisioning(deps, log));
  own(startRetention(deps, log));
  routes(app, guards, deps);
  const readLimit = limiters.limiter('key-log-reads', {
    points: config.limits.keyLogReadsPerMinute,
    ...{ windowMs: 60_000, whenGone: 'open' },
  });
  logRoutes(app, guards, { database, keyLog, readLimit });

  const running = opened.move();
  return { fetch: app.fetch, close: () => running.disposeAsync() };
}
