/** A key service on real PostgreSQL, with auth and message services played by the contract's own endpoints. */
import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import {
  type Answer,
  ApiError,
  DeviceId,
  type EndpointSpec,
  jwks,
  type Problem,
  UserId,
} from '@sotto/api';
import { applyDeviceList, type DeviceListChanged, listRevocations } from '@sotto/api/internal';
import {
  type App,
  anyOrigin,
  type Bus,
  createApp,
  createLogger,
  createMemoryBus,
  createMetrics,
  type Database,
  type Fetch,
  type Logger,
  loadConfig,
  mount,
  openDatabase,
} from '@sotto/runtime';
import { type CuttableWire, cuttableWire, testDatabase, testGuards } from '@sotto/runtime/testing';
import { z } from 'zod';
import type { KeyTables } from '../src/schema.ts';
import { KeyConfig, startKey } from '../src/service.ts';
import type { ProvingKey } from './proving.fixture.ts';

const INTERNAL_SECRET = 'a secret of the tests, long enough for anyone';
const KEY_ID = 'k1';

/** Whose token a request carries: a device's, the platform's own, or nobody's. */
export type Asker =
  | {
      user: UserId;
      device: DeviceId;
      /** When a password was given for the session. */
      authenticatedAt?: number;
      /** What the session is bound to, and its requests are signed with. */
      provingKey?: ProvingKey;
    }
  | 'service'
  | 'nobody';

export interface Platform {
  /** Two processes on one database. */
  processes: readonly [Fetch, Fetch];
  database: Database<KeyTables>;
  /** What the processes reach the database by. */
  wire: CuttableWire;
  bus: Bus;
  /** The message service. */
  message: MessagePeer;
  call: Call;
  close(): Promise<void>;
}

/** What the message service was told, and how it takes it. */
export interface MessagePeer {
  applied: DeviceListChanged[];
  behaviour: 'applies' | 'refuses' | 'hangs';
}

interface CallInput {
  params?: Record<string, string>;
  query?: string;
  /** In decoded form. */
  body?: unknown;
  /** In place of a body: JSON as it goes out. */
  json?: unknown;
  /** Which of the processes. */
  process?: number;
  /** In place of a process: the way to one. */
  via?: Fetch;
}

export interface Call {
  /** The decoded answer. Throws when the call fails. */
  <E extends EndpointSpec>(endpoint: E, asker: Asker, input?: CallInput): Promise<Answer<E>>;
  /** The problem of a call that must fail. */
  problem(endpoint: EndpointSpec, asker: Asker, input?: CallInput): Promise<Problem>;
}

export interface PlatformOptions {
  /** Configuration beyond what every test needs. */
  environment?: Record<string, string>;
  clock?: () => number;
  /** Where the processes log. */
  log?: Logger;
}

export async function startPlatform({
  environment = {},
  clock = Date.now,
  log,
}: PlatformOptions = {}): Promise<Platform> {
  await using opened = new AsyncDisposableStack();
  const databases = await testDatabase();
  opened.defer(() => databases.close());
  const database = openDatabase<KeyTables>(databases.options('key'));
  opened.defer(() => database.close());
  const { host, port } = databases.options('key');
  const wire = await cuttableWire(`postgres://${host}:${port}`);
  opened.defer(() => wire.close());
  const bus = createMemoryBus();
  opened.defer(() => bus.close());
  const keys = generateKeyPairSync('ed25519');
  const message: MessagePeer = { applied: [], behaviour: 'applies' };
  const config = loadConfig(KeyConfig, {
    environment: {
      INTERNAL_SECRET,
      KEY_LOG_SECRET: 'the key log of the tests, long enough for anyone',
      LOG_LEVEL: 'error',
      LIMITS_USER_PER_MINUTE: '1000000',
      LIMITS_BUNDLE_BURST: '1000000',
      LIMITS_BUNDLE_PER_TARGET: '1000000',
      LIMITS_SIGNED_PREKEYS_PER_HOUR: '1000000',
      ...environment,
    },
  });
  const start = async (): Promise<Fetch> => {
    const own = openDatabase<KeyTables>({
      ...databases.options('key'),
      ...{ host: '127.0.0.1', port: Number(new URL(wire.url).port) },
    });
    opened.defer(() => own.close());
    const service = await startKey(config, {
      database: own,
      bus,
      clock,
      proofOrigins: anyOrigin,
      ...(log !== undefined && { log }),
      peers: { auth: authPeer(keys.publicKey).fetch, message: messagePeer(message).fetch },
    });
    opened.defer(() => service.close());
    return service.fetch;
  };
  const processes = [await start(), await start()] as const;
  const running = opened.move();
  return {
    processes,
    database,
    wire,
    bus,
    message,
    call: callOf(processes, { privateKey: keys.privateKey, clock }),
    close: () => running.disposeAsync(),
  };
}

/** A device of a new account, or a further one of an account. */
export function newDevice(user: UserId = UserId.parse(randomUUID())) {
  return { user, device: DeviceId.parse(randomUUID()) };
}

/** What access tokens are made with. */
interface TokenMaker {
  privateKey: KeyObject;
  clock: () => number;
}

function callOf(processes: readonly Fetch[], maker: TokenMaker): Call {
  async function send(endpoint: EndpointSpec, asker: Asker, input: CallInput) {
    const unproven = requestOf(endpoint, asker, input);
    const fetch = input.via ?? processes[input.process ?? 0];
    if (fetch === undefined) throw new Error('there is no such process');
    const { provingKey } = typeof asker === 'object' ? asker : {};
    const response = await (provingKey === undefined
      ? fetch(unproven)
      : fetchProven(fetch, provingKey, unproven));
    return { status: response.status, body: response.status === 204 ? {} : await response.json() };
  }

  function requestOf(endpoint: EndpointSpec, asker: Asker, input: CallInput): Request {
    const { params = {}, query = '', body } = input;
    const json = body === undefined ? input.json : encode(endpoint, body);
    const path = endpoint.path.replace(/\{(\w+)\}/g, (_, name: string) => params[name] ?? '');
    const headers = new Headers({ authorization: credential(maker, asker) });
    if (asker === 'nobody') headers.delete('authorization');
    if (json !== undefined) headers.set('content-type', 'application/json');
    return new Request(`http://key.test${path}${query}`, {
      method: endpoint.method,
      headers,
      ...(json !== undefined && { body: JSON.stringify(json) }),
    });
  }

  async function call<E extends EndpointSpec>(
    endpoint: E,
    asker: Asker,
    input: CallInput = {},
  ): Promise<Answer<E>> {
    const { status, body } = await send(endpoint, asker, input);
    if (status !== endpoint.status) throw new Error(`${endpoint.id}: ${JSON.stringify(body)}`);
    const { response }: EndpointSpec = endpoint;
    const isJson = response !== undefined && !('stream' in response);
    return (isJson ? z.decode(response, body) : undefined) as Answer<E>;
  }

  async function problem(
    endpoint: EndpointSpec,
    asker: Asker,
    input: CallInput = {},
  ): Promise<Problem> {
    const { status, body } = await send(endpoint, asker, input);
    if (body.status !== status) throw new Error(`${endpoint.id} succeeded: ${status}`);
    return body;
  }

  return Object.assign(call, { problem });
}

/** Asks for a nonce first, as a client that has none does. */
async function fetchProven(fetch: Fetch, key: ProvingKey, request: Request): Promise<Response> {
  const token = request.headers.get('authorization')?.split(' ')[1] ?? '';
  const asking = request.clone();
  asking.headers.set('dpop', key.prove(request, { token, nonce: '' }));
  const nonce = (await fetch(asking)).headers.get('dpop-nonce') ?? '';
  request.headers.set('dpop', key.prove(request, { token, nonce }));
  return fetch(request);
}

/** Bytes as the wire has them. */
function encode({ body: schema }: EndpointSpec, body: unknown): unknown {
  return schema === undefined || 'stream' in schema ? body : z.encode(schema, body);
}

function credential({ privateKey, clock }: TokenMaker, asker: Asker): string {
  if (typeof asker === 'string') return `Service ${INTERNAL_SECRET}`;
  const now = Math.floor(clock() / 1000);
  const header = { alg: 'EdDSA', typ: 'at+jwt', kid: KEY_ID };
  const claims = {
    ...{ iss: 'sotto', aud: 'sotto', sub: asker.user, did: asker.device, sid: randomUUID() },
    ...{ iat: now, exp: now + 900 },
    ...(asker.authenticatedAt !== undefined && {
      auth_time: Math.floor(asker.authenticatedAt / 1000),
    }),
    ...(asker.provingKey !== undefined && { cnf: { jkt: asker.provingKey.thumbprint } }),
  };
  const text = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `Bearer ${text}.${sign(null, Buffer.from(text), privateKey).toString('base64url')}`;
}

function messagePeer(peer: MessagePeer): App {
  const log = createLogger({ service: 'message', level: 'silent' });
  const app = createApp({ service: 'message', log, metrics: createMetrics('message') });
  mount(app, NO_USERS, applyDeviceList, async ({ body }) => {
    if (peer.behaviour === 'refuses') throw new ApiError('service.unavailable');
    if (peer.behaviour === 'hangs') await new Promise(() => undefined);
    peer.applied.push(body);
  });
  return app;
}

const NO_USERS = testGuards(INTERNAL_SECRET);

function authPeer(publicKey: KeyObject): App {
  const log = createLogger({ service: 'auth', level: 'silent' });
  const app = createApp({ service: 'auth', log, metrics: createMetrics('auth') });
  const { x = '' } = publicKey.export({ format: 'jwk' });
  const key = { kty: 'OKP', crv: 'Ed25519', x, kid: KEY_ID, alg: 'EdDSA', use: 'sig' } as const;
  mount(app, NO_USERS, jwks, async () => ({ keys: [key] }));
  mount(app, NO_USERS, listRevocations, async () => ({
    now: new Date().toISOString(),
    revocations: [],
  }));
  return app;
}
