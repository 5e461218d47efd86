/** The file service, put together. */
import {
  type Blobs,
  type Bus,
  type Clock,
  type Counters,
  createApp,
  createAuditCounts,
  createGuards,
  createLimiters,
  createLogger,
  createMetrics,
  createPartMemory,
  type Database,
  databaseOptions,
  type Fetch,
  type Limiters,
  type Logger,
  meterDatabase,
  migrate,
  openBus,
  openCounters,
  openDatabase,
  openDirectoryBlobs,
  openS3Blobs,
  type PartMemory,
  type ProofOrigins,
  proofOrigins,
  remotePeer,
  type Service,
} from '@sotto/runtime';
import type { FileConfig } from './config.ts';
import { consumeErasures } from './erasure.ts';
import { createEvents } from './events.ts';
import { consumeMemberships } from './membership-news.ts';
import { createHasMembers, createMemberships } from './memberships.ts';
import { migrations } from './migrations/index.ts';
import { createReaders } from './readers.ts';
import { createRunningDigests } from './resumable-digests.ts';
import { resumableRoutes } from './resumable-routes.ts';
import { openTurns } from './resumable-turns.ts';
import { routes } from './routes.ts';
import type { FileTables } from './schema.ts';
import { startSweeper } from './sweeper.ts';

export { FileConfig } from './config.ts';

/** What the host of the service already has. The service closes none of it. */
export interface Given {
  database?: Database<FileTables>;
  blobs?: Blobs;
  /** What those blobs use too. */
  memory?: PartMemory;
  counters?: Counters;
  /** What request proofs may name; by the configuration when left out. */
  proofOrigins?: ProofOrigins;
  bus?: Bus;
  log?: Logger;
  clock?: Clock;
  peers?: { auth: Fetch; message: Fetch };
}

const SCHEMA = 'file';
const MINUTE_MS = 60_000;

/** Starts the service: its schema brought up to date, leftovers being swept. Throws, with nothing left open, when it cannot. */
export async function startFile(config: FileConfig, given: Given = {}): Promise<Service> {
  await using opened = new AsyncDisposableStack();
  const own = <Owned extends { close(): Promise<void> | void }>(resource: Owned): Owned => {
    opened.defer(() => resource.close());
    return resource;
  };
  const log = given.log ?? createLogger({ service: 'file', level: config.log.level });
  const clock = given.clock ?? Date.now;
  const { auth, message } = given.peers ?? {
    auth: remotePeer(config.services.auth),
    message: remotePeer(config.services.message),
  };
  const database = given.database ?? own(openDatabase(databaseOptions(config.database, SCHEMA)));
  const { query } = database;
  await migrate(database, database.schema, migrations, { log });
  const counters = given.counters ?? own(await openCounters(config.redis, log));
  const memory = given.memory ?? createPartMemory(config.file.partMemoryBytes);
  const blobs = given.blobs ?? own(await openBlobs(config, { memory, log }));

  const metrics = createMetrics('file');
  meterDatabase(database, metrics);
  const events = createEvents(metrics, log);
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

  const { userLimit, pieceLimit } = openLimits(limiters, config.limits);
  const ready = async () => {
    revocations.assertHeard();
    await Promise.all([database.ping(), blobs.ping()]);
  };
  const app = createApp({ service: 'file', log, metrics, ready });
  const isMember = createMemberships({ message, internalSecret });
  const hasMembers = createHasMembers({ message, internalSecret });
  const { quotaBytes, dailyBytes, uploadStall: stallMs, retention: retentionMs } = config.file;
  const presigned = config.s3.presignedDownloads;
  const bus = given.bus ?? own(await openBus(config.nats, log));
  const counts = own(createAuditCounts({ bus, clock, log }));
  routes(
    app,
    { ...guards, userLimit },
    {
      ...{ query, blobs, events, counts, isMember, readers: createReaders(), presigned },
      ...{ quotaBytes, dailyBytes, stallMs, clock },
    },
  );
  const turns = own(openTurns({ query, clock, onFailure: events.turnsAtRisk }));
  resumableRoutes(
    app,
    { ...guards, userLimit },
    {
      ...{ query, blobs, memory, events, counts, turns, pieceLimit, clock },
      digests: createRunningDigests(),
      ...{ quotaBytes, dailyBytes, stallMs, uploadMs: config.file.uploadExpiry },
    },
  );
  const sweeper = own(startSweeper({ query, blobs, events, clock, hasMembers, retentionMs }));
  own(await consumeErasures(bus, { query, sweeper }));
  own(await consumeMemberships(bus, { query, sweeper }));

  const running = opened.move();
  return { fetch: app.fetch, close: () => running.disposeAsync() };
}

/** A folder of files is many requests of an honest user, so they are limited apart from all others. */
function openLimits({ limiter }: Limiters, limits: FileConfig['limits']) {
  const perMinute = (name: string, points: number) => {
    return limiter(name, { points, windowMs: MINUTE_MS, whenGone: 'open' });
  };
  return {
    userLimit: perMinute('files', limits.filesPerMinute),
    pieceLimit: perMinute('upload-pieces', limits.uploadPiecesPerMinute),
  };
}

function openBlobs(
  { s3, file }: FileConfig,
  given: { memory: PartMemory; log: Logger },
): Promise<Blobs> {
  const { endpoint, ...rest } = s3;
  if (endpoint === undefined) return openDirectoryBlobs({ directory: file.directory });
  return openS3Blobs({ ...rest, endpoint, ...given });
}
