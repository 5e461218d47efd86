/** The auth service on a database of its own, called without sockets. */
import {
  type Body,
  type EndpointSpec,
  Login,
  login,
  type Problem,
  refresh,
  register,
  Tokens,
} from '@sotto/api';
import {
  anyOrigin,
  createMemoryBus,
  createMemoryCounters,
  openDatabase,
  type Service,
} from '@sotto/runtime';
import { testDatabase } from '@sotto/runtime/testing';
import { AuthConfig } from '../src/config.ts';
import type { AuthTables } from '../src/schema.ts';
import { type Given, startAuth } from '../src/service.ts';
import { openKeyPeer } from './key-peer.fixture.ts';

export const INTERNAL_SECRET = 'internal-secret-of-the-tests-0123456789';
export const PASSWORD = 'Correct-h0rse';

/** A configuration as `loadConfig` makes it. */
export function testConfig(changes: { [section: string]: object } = {}): AuthConfig {
  return AuthConfig.parse({
    server: {},
    database: {},
    nats: {},
    redis: {},
    services: {},
    internal: { secret: INTERNAL_SECRET },
    log: {},
    registration: {},
    fields: { keys: ['field-key-of-the-tests-0123456789-0123'] },
    ...changes,
    jwt: {
      accessTokenSecret: ['access-secret-of-the-tests-0123456789'],
      refreshTokenSecret: ['refresh-secret-of-the-tests-0123456789'],
      ...changes.jwt,
    },
    limits: { registerPerHourPrivate: 10_000, userPerMinute: 1_000_000, ...changes.limits },
  });
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };

export interface Answered<T> {
  status: number;
  headers: Headers;
  body: T;
}

export type TestPlatform = Awaited<ReturnType<typeof openPlatform>>;

/** A fresh database, a bus, counters and a clock that tests move. `start` may be called for several processes. */
export async function openPlatform() {
  const corner = await testDatabase();
  const database = openDatabase<AuthTables>(corner.options('auth'));
  const bus = createMemoryBus();
  const counters = createMemoryCounters();
  const services: Service[] = [];
  const time = { now: Date.now() };
  const key = openKeyPeer(INTERNAL_SECRET);
  const nobody = () => Promise.reject(new Error('nobody plays this service'));
  return {
    /** To open the database another way. */
    databaseOptions: corner.options('auth'),
    database,
    bus,
    time,
    key,
    async start(config = testConfig(), given: Given = {}): Promise<Caller> {
      const clock = () => time.now;
      const service = await startAuth(config, {
        database,
        bus,
        counters,
        clock,
        log: silent,
        proofOrigins: anyOrigin,
        peers: { key: key.fetch, message: nobody, file: nobody },
        ...given,
      });
      services.push(service);
      return callerOf(service);
    },
    async close(): Promise<void> {
      for (const service of services) await service.close();
      await bus.close();
      await counters.close();
      await database.close();
      await corner.close();
    },
  };
}

interface CallOptions {
  token?: string;
  body?: unknown;
  query?: string;
  headers?: Record<string, string>;
  /** The address of the caller; left out, the call stays within the process. */
  from?: string;
}

export type Caller = ReturnType<typeof callerOf>;

function callerOf(service: Service) {
  async function send(
    { method, path }: EndpointSpec,
    { token, body, query = '', from, headers: given = {} }: CallOptions = {},
  ): Promise<Answered<unknown>> {
    const headers = new Headers(given);
    if (token !== undefined) headers.set('authorization', token);
    if (body !== undefined) headers.set('content-type', 'application/json');
    const response = await service.fetch(
      new Request(`http://auth${path}${query}`, {
        method,
        headers,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
      from === undefined ? undefined : { remoteAddress: from },
    );
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? undefined : JSON.parse(text),
    };
  }

  async function expectAnswer(endpoint: EndpointSpec, body: unknown): Promise<unknown> {
    const answer = await send(endpoint, { body });
    if (answer.status !== endpoint.status) {
      throw new Error(`${endpoint.id}: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    return answer.body;
  }

  return {
    fetch: service.fetch,
    send,
    /** The problem of a call that must fail. */
    async problem(...call: Parameters<typeof send>): Promise<Problem> {
      const { status, body } = await send(...call);
      const problem = body as Problem;
      if (problem?.status !== status) throw new Error(`no problem: ${status}`);
      return problem;
    },
    register: async (username: string, password = PASSWORD): Promise<Login> =>
      Login.parse(await expectAnswer(register, { username, password })),
    login: async (body: Body<typeof login>): Promise<Login> =>
      Login.parse(await expectAnswer(login, body)),
    refresh: async (refreshToken: string): Promise<Tokens> =>
      Tokens.parse(await expectAnswer(refresh, { refreshToken })),
  };
}
