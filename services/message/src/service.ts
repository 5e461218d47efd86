/** The message service, put together. */
import { randomUUID } from 'node:crypto';
import { ApiError } from '@sotto/api';
import {
  type AuditCounts,
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
  type Guards,
  type Limiters,
  type Logger,
  type Metrics,
  meterDatabase,
  meterOutboxes,
  migrate,
  openBus,
  openCounters,
  openDatabase,
  type ProofOrigins,
  proofOrigins,
  type Revocations,
  remotePeer,
  type Service,
  startOutbox,
} from '@sotto/runtime';
import { createArrivals } from './arrivals.ts';
import { type Audiences, createAudiences } from './audiences.ts';
import type { Commit } from './batch-commit.ts';
import { createCommitLine } from './commit-line.ts';
import { Committer } from './committer.ts';
import type { MessageConfig } from './config.ts';
import { type Copies, consumeCopies, createCopies } from './copies.ts';
import { startCursors } from './cursors.ts';
import { createDirectory } from './directory.ts';
import { startErasures } from './erasure.ts';
import { createEvents, type Events } from './events.ts';
import { startFanin } from './fanin.ts';
import { Fanout } from './fanout.ts';
import { findOwnId } from './history-store.ts';
import { createHub, type Hub } from './hub.ts';
import { createIncarnation } from './incarnation.ts';
import { startKeyHints } from './key-hints.ts';
import { COMMITS_IN_FLIGHT, SOCKET_READS_MAX } from './limits.ts';
import { type Live, startLive } from './live.ts';
import { limitMembership } from './membership-limit.ts';
import { createMessageAges, type MessageAges } from './message-age.ts';
import { migrations } from './migrations/index.ts';
import { keepPartitions, makePartitions } from './partitions.ts';
import { announceConnected, hearConnected } from './presence-signal.ts';
import { type Push, type PushSettings, startPush } from './push.ts';
import { createReports, sweepReports } from './reports.ts';
import { noteRun } from './restored.ts';
import { startRetention } from './retention.ts';
import { mountRoutes, type RoutesDeps } from './routes.ts';
import { meterSaturation } from './saturation.ts';
import type { Tables } from './schema.ts';
import { limitSends } from './send-limit.ts';
import { createTickets } from './socket-ticket.ts';
import { Sockets, type SocketsDeps } from './sockets.ts';
import { createTurnstile } from './turnstile.ts';

export { MessageConfig } from './config.ts';

/** What the host of the service already has. The service closes none of it. */
export interface Given {
  database?: Database<Tables>;
  bus?: Bus;
  counters?: Counters;
  /** What request proofs may name; by the configuration when left out. */
  proofOrigins?: ProofOrigins;
  log?: Logger;
  clock?: Clock;
  peers?: { auth: Fetch; key: Fetch };
}

/** It has sockets, which drain. */
export type MessageService = Omit<Required<Service>, 'relay'>;

const SCHEMA = 'message';

/** Of events, and of what is committed, for the other nodes. */
const OUTBOXES = { events: 'outbox', fanout: 'fanout_outbox' };

/** Starts the service: its schema brought up to date, its consumers running. Throws, with nothing left open, when it cannot. */
export async function startMessage(
  config: MessageConfig,
  given: Given = {},
): Promise<MessageService> {
  await using opened = new AsyncDisposableStack();
  const own: Own = (resource) => {
    opened.defer(() => resource.close());
    return resource;
  };
  const foundation = await openFoundation(config, given, own);
  const { clock, log, bus, counters, database } = foundation;
  const metrics = createMetrics('message');
  meterDatabase(database, metrics);
  own(meterOutboxes({ database, metrics, log, outboxes: OUTBOXES }));
  const limiters = createLimiters({ counters, metrics });
  const { copies, guards, revocations } = await meetPeers(
    config,
    { ...foundation, limiters, metrics },
    own,
  );
  let isDraining = false;
  const ready = async () => {
    if (isDraining) throw new ApiError('service.unavailable');
    revocations.assertHeard();
    await Promise.all([database.ping(), bus.ping()]);
  };
  const app = createApp({ service: 'message', log, metrics, ready });
  const { days } = config.retention;
  const ages = createMessageAges({ days, clock });
  own(await startRetention({ database, days, ages, clock, log }));
  const path = await openMessagePath({ ...foundation, copies, metrics, ages }, own);
  const tickets = createTickets({ counters, revocations, clock });
  const committer = limitSends(path.committer, limiters, config.limits);
  const shared = {
    ...path,
    committer,
    incarnation: createIncarnation(database, clock),
    tickets,
    database,
    clock,
  };
  const beside = await openBeside(config, { ...foundation, ...path, copies, limiters }, own);
  mountRoutes(app, guards, { ...shared, ...beside, copies });
  const sockets = own(
    new Sockets({
      ...shared,
      guards,
      revocations,
      copies,
      turnstile: createTurnstile(SOCKET_READS_MAX),
      arrive: createArrivals(database),
      ...tellOfSockets(bus, path, beside.push),
    }),
  );
  meterSaturation({ committer: path.committer, sockets }, metrics);
  const running = opened.move();
  return {
    fetch: app.fetch,
    upgrade: (...arrival) => sockets.upgrade(...arrival),
    drain() {
      isDraining = true;
      return sockets.drain();
    },
    close: () => running.disposeAsync(),
  };
}

/** Who hears of sockets that open and end. */
function tellOfSockets(
  bus: Bus,
  { node, live, cursors }: MessagePath,
  push: Push,
): Pick<SocketsDeps, 'announce' | 'depart'> {
  return {
    announce({ user, device }, arrival) {
      announceConnected(bus, { device, node, arrival });
      push.arrived(device);
      live.joined({ user, device }, arrival);
    },
    depart(session) {
      push.left(session.device);
      live.left(session);
      // The node that it goes to cannot know what is pending here. What fails is written by the next write.
      cursors.settle(session.device).catch(() => undefined);
    },
  };
}

/** What routes need beside the way of a message. */
async function openBeside(
  config: MessageConfig,
  deps: Foundation & MessagePath & { copies: Copies; limiters: Limiters },
  own: Own,
): Promise<Pick<RoutesDeps, 'directory' | 'report' | 'push' | 'outbox' | 'membershipLimit'>> {
  const { database, bus, log, live, copies, limiters } = deps;
  const outbox = own(startOutbox({ database, bus, log }));
  own(sweepReports(database, log));
  const push = own(await startPush(pushSettings(config), deps));
  live.onLost((device) => push.left(device));
  const { mode } = config.directory;
  return {
    ...{ outbox, push },
    membershipLimit: limitMembership(database, limiters, config.limits),
    directory: createDirectory({ database, copies, mode }),
    report: createReports({ database, copies, outbox }, limiters),
  };
}

/** An operator whom the configuration does not name is found where the platform is. */
function pushSettings({ push, server }: MessageConfig): PushSettings {
  const site = server.publicOrigins.find((origin) => origin.startsWith('https:'));
  return { ...push, contact: push.contact ?? site };
}

/** Sees to it that a resource is closed, after those that were opened later. */
type Own = <Owned extends { close(): Promise<void> | void }>(resource: Owned) => Owned;

interface Foundation {
  database: Database<Tables>;
  bus: Bus;
  counters: Counters;
  log: Logger;
  clock: Clock;
  peers: { auth: Fetch; key: Fetch };
  origins: ProofOrigins;
}

async function openFoundation(config: MessageConfig, given: Given, own: Own): Promise<Foundation> {
  const log = given.log ?? createLogger({ service: 'message', level: config.log.level });
  const clock = given.clock ?? Date.now;
  const database = given.database ?? own(openDatabase(databaseOptions(config.database, SCHEMA)));
  await migrate(database, database.schema, migrations, { log });
  await noteRun(database);
  await makePartitions(database);
  own(keepPartitions(database, log));
  const bus = given.bus ?? own(await openBus(config.nats, log));
  const counters = given.counters ?? own(await openCounters(config.redis, log));
  const { services, server } = config;
  const peers = given.peers ?? { auth: remotePeer(services.auth), key: remotePeer(services.key) };
  const origins = given.proofOrigins ?? proofOrigins({ server, log });
  return { database, bus, counters, log, clock, peers, origins };
}

interface Acquaintance {
  copies: Copies;
  revocations: Revocations;
  guards: Guards;
}

/** What comes from the services that own accounts, sessions and device lists. */
async function meetPeers(
  { internal, jwt, limits }: MessageConfig,
  foundation: Foundation & { limiters: Limiters; metrics: Metrics },
  own: Own,
): Promise<Acquaintance> {
  const { database, bus, counters, limiters, metrics, log, clock, peers, origins } = foundation;
  const internalSecret = internal.secret;
  const copies = createCopies({ database, peers, internalSecret });
  own(await consumeCopies(bus, database));
  own(await startErasures({ bus, database, log }));
  const { auth } = peers;
  const { guards, revocations, tokenUses } = createGuards({
    ...{ auth, internalSecret, jwt, counters, limiters, metrics, clock, log },
    origins,
    userPerMinute: limits.userPerMinute,
  });
  own(revocations);
  own(tokenUses);
  await revocations.start();
  return { copies, revocations, guards };
}

interface MessagePath {
  committer: Committer;
  /** Takes a commit to the sockets of this node and to the other nodes. */
  spread(commit: Commit): void;
  audiences: Audiences;
  cursors: ReturnType<typeof startCursors>;
  hub: Hub;
  live: Live;
  events: Events;
  counts: AuditCounts;
  /** This node among those that share the database. */
  node: string;
}

/** From a send to the sockets of all nodes. Closed in reverse: what was taken is committed, then published. */
async function openMessagePath(
  deps: Foundation & { copies: Copies; metrics: Metrics; ages: MessageAges },
  own: Own,
): Promise<MessagePath> {
  const { database, bus, log, clock, copies, metrics, ages } = deps;
  const node = randomUUID();
  const events = createEvents(metrics, log);
  const counts = own(createAuditCounts({ bus, clock, log }));
  const hub = createHub();
  const audiences = createAudiences({ database, copies, clock });
  const cursors = own(startCursors({ database, log }));
  own(await hearConnected(bus, node, hub));
  own(await startKeyHints(bus, { database, hub, cursors, events }));
  const live = own(await startLive({ database, bus, node, hub, audiences, events }));
  own(await startFanin({ database, bus, node, audiences, hub, events }));
  const fanout = own(new Fanout({ database, bus, node, events }));
  const spread = (commit: Commit) => {
    for (const { room, messages } of commit.groups) hub.deliver(room, messages);
    fanout.publish(commit);
  };
  const lines = Array.from({ length: COMMITS_IN_FLIGHT }, () => own(createCommitLine(database)));
  const committer = own(
    new Committer({
      audiences,
      ages,
      lines,
      events,
      findOwnId: ({ sender, message }) => findOwnId(database, sender.device, message.id),
      makePartitions: () => makePartitions(database),
      onCommit(commit) {
        spread(commit);
        for (const { messages } of commit.groups) {
          for (const { sender } of messages) {
            counts.note('messages.sent', sender);
            cursors.noteSent(sender.device);
          }
        }
      },
    }),
  );
  return { committer, spread, audiences, cursors, hub, live, events, counts, node };
}
