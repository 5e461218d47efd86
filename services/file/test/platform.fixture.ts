/** A file service on real PostgreSQL, with the two services that it asks played by the contract's own endpoints. */
import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiError, type ConversationId, jwks, type UserId } from '@sotto/api';
import { countMembers, findMembership, listRevocations } from '@sotto/api/internal';
import {
  type App,
  type Blobs,
  type Bus,
  type Clock,
  createApp,
  createLogger,
  createMemoryBus,
  createMetrics,
  type Database,
  type Fetch,
  type Listening,
  listen,
  loadConfig,
  mount,
  openDatabase,
  openDirectoryBlobs,
  openS3Blobs,
  type Service,
} from '@sotto/runtime';
import { testDatabase, testGuards, testS3 } from '@sotto/runtime/testing';
import type { FileTables } from '../src/schema.ts';
import { FileConfig, startFile } from '../src/service.ts';

export const INTERNAL_SECRET = 'a secret of the tests, long enough for anyone';
const KEY_ID = 'k1';

export interface Platform {
  fetch: Fetch;
  /** The same service on a port. */
  url: string;
  database: Database<FileTables>;
  blobs: Blobs;
  bus: Bus;
  /** `conversation user`, changed by tests as they like. */
  members: Set<string>;
  /** How often the message service was asked. */
  asked(): number;
  /** Set to make the message service fail. */
  message: { down: boolean };
  /** One more process of the service, over the same database, store and bus; closed with the platform. */
  startAnother(another?: AnotherOptions): Promise<Service>;
  /** Ends the service alone; what it has to say at its end is heard. */
  closeService(): Promise<void>;
  close(): Promise<void>;
  token(user: UserId): string;
}

export interface AnotherOptions {
  clock?: Clock;
  /** Another than the platform's. */
  blobs?: Blobs;
}

export interface PlatformOptions {
  store: 'directory' | 's3';
  environment?: Record<string, string>;
  /** Another way to the database. */
  databaseAt?: { host: string; port: number };
  /** Wraps the store, to make it misbehave. */
  withBlobs?: (blobs: Blobs) => Blobs;
  /** Connects to a bus, for each process by itself; all share one in memory when left out. */
  openBus?: () => Promise<Bus>;
}

export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  await using opened = new AsyncDisposableStack();
  const databases = await testDatabase();
  opened.defer(() => databases.close());
  const database = openDatabase<FileTables>({
    ...databases.options('file'),
    ...options.databaseAt,
  });
  opened.defer(() => database.close());
  const real = options.store === 's3' ? await openS3Blobs(testS3()) : await openDirectory(opened);
  opened.defer(() => real.close());
  const blobs = options.withBlobs?.(real) ?? real;

  const buses = opened.use(new AsyncDisposableStack());
  const openBus = async (): Promise<Bus> => {
    const one = (await options.openBus?.()) ?? createMemoryBus();
    buses.defer(() => one.close());
    return one;
  };
  const bus = await openBus();
  const keys = generateKeyPairSync('ed25519');
  const members = new Set<string>();
  const message = { down: false };
  let asked = 0;
  const config = loadConfig(FileConfig, {
    environment: {
      INTERNAL_SECRET,
      LOG_LEVEL: 'error',
      LIMITS_FILES_PER_MINUTE: '1000000',
      ...options.environment,
    },
  });
  const fail = () => {
    if (message.down) throw new ApiError('service.unavailable', { retryAfter: 1 });
  };
  const peers = {
    auth: authPeer(keys.publicKey).fetch,
    message: messagePeer({
      isMember(conversation, user) {
        asked += 1;
        fail();
        return members.has(`${conversation} ${user}`);
      },
      count(conversation) {
        fail();
        return [...members].filter((member) => member.startsWith(conversation)).length;
      },
    }).fetch,
  };
  const start = async (another: AnotherOptions = {}) => {
    const own = options.openBus === undefined ? bus : await openBus();
    return startFile(config, { database, blobs, bus: own, peers, ...another });
  };
  const others = opened.use(new AsyncDisposableStack());
  const service = await start();
  let closing: Promise<void> | undefined;
  const closeService = () => {
    closing ??= service.close();
    return closing;
  };
  opened.defer(closeService);
  const listening: Listening = await listen(service, { host: '127.0.0.1', port: 0 });
  opened.defer(() => listening.close());
  const running = opened.move();
  return {
    fetch: service.fetch,
    url: `http://127.0.0.1:${listening.port}`,
    database,
    blobs: real,
    bus,
    members,
    asked: () => asked,
    message,
    token: (user) => accessToken(keys.privateKey, user),
    async startAnother(another) {
      const other = await start(another);
      others.defer(() => other.close());
      return other;
    },
    closeService,
    close: () => running.disposeAsync(),
  };
}

async function openDirectory(opened: AsyncDisposableStack): Promise<Blobs> {
  const directory = await mkdtemp(join(tmpdir(), 'sotto-file-'));
  opened.defer(() => rm(directory, { recursive: true, force: true }));
  return openDirectoryBlobs({ directory });
}

function peerApp(service: string): App {
  const log = createLogger({ service, level: 'silent' });
  return createApp({ service, log, metrics: createMetrics(service) });
}

const guards = testGuards(INTERNAL_SECRET);

function authPeer(publicKey: KeyObject): App {
  const app = peerApp('auth');
  const { x = '' } = publicKey.export({ format: 'jwk' });
  const key = { kty: 'OKP', crv: 'Ed25519', x, kid: KEY_ID, alg: 'EdDSA', use: 'sig' } as const;
  mount(app, guards, jwks, async () => ({ keys: [key] }));
  mount(app, guards, listRevocations, async () => ({
    now: new Date().toISOString(),
    revocations: [],
  }));
  return app;
}

interface Members {
  isMember(conversation: ConversationId, user: UserId): boolean;
  count(conversation: ConversationId): number;
}

function messagePeer({ isMember, count }: Members): App {
  const app = peerApp('message');
  mount(app, guards, findMembership, async ({ params }) => ({
    member: isMember(params.conversation_id, params.user_id),
  }));
  mount(app, guards, countMembers, async ({ params }) => ({
    members: count(params.conversation_id),
  }));
  return app;
}

function accessToken(key: KeyObject, user: UserId): string {
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: 'EdDSA', typ: 'at+jwt', kid: KEY_ID };
  const claims = {
    ...{ iss: 'sotto', aud: 'sotto', sub: user, did: randomUUID(), sid: randomUUID() },
    ...{ iat: now, exp: now + 900 },
  };
  const text = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${text}.${sign(null, Buffer.from(text), key).toString('base64url')}`;
}
