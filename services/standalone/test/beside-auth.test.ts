/** Auth with the services that believe its tokens, all real: what they tell it, and how they start without it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  countPrekeys,
  type EndpointSpec,
  Login,
  listConversations,
  refresh,
  register,
  Tokens,
} from '@sotto/api';
import { downloadFile } from '@sotto/api/files';
import { AuthConfig, startAuth } from '@sotto/auth';
import { FileConfig, startFile } from '@sotto/file';
import { KeyConfig, startKey } from '@sotto/key';
import { MessageConfig, startMessage } from '@sotto/message';
import {
  createLogger,
  createMemoryBus,
  createMemoryCounters,
  type Database,
  type Fetch,
  listen,
  loadConfig,
  openDatabase,
  openDirectoryBlobs,
} from '@sotto/runtime';
import { testDatabase } from '@sotto/runtime/testing';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';

const environment = {
  INTERNAL_SECRET: 'a secret of the tests, long enough for anyone',
  KEY_LOG_SECRET: 'the key log of the tests, long enough for anyone',
  FIELD_KEYS: 'field-key-of-the-tests-0123456789-0123',
  JWT_ACCESS_SECRET: 'access-secret-of-the-tests-0123456789',
  JWT_REFRESH_SECRET: 'refresh-secret-of-the-tests-0123456789',
};
const log = createLogger({ service: 'test', level: 'silent' });

let platform: Awaited<ReturnType<typeof start>>;
beforeAll(async () => {
  platform = await start({ up: true });
});
afterAll(() => platform.close());

/** Four services on one clock. The others reach auth while it is `up`. */
async function start({ up }: { up: boolean }) {
  await using opened = new AsyncDisposableStack();
  const own = <Owned extends { close(): Promise<void> | void }>(resource: Owned): Owned => {
    opened.defer(() => resource.close());
    return resource;
  };
  const corner = own(await testDatabase());
  const directory = await mkdtemp(join(tmpdir(), 'sotto-beside-auth-'));
  opened.defer(() => rm(directory, { recursive: true, force: true }));
  const state = { now: Date.now(), up };
  const bus = own(createMemoryBus());
  const counters = own(createMemoryCounters());
  const blobs = own(await openDirectoryBlobs({ directory }));
  const database = <Tables>(schema: string): Database<Tables> => {
    return own(openDatabase<Tables>(corner.options(schema)));
  };
  const given = { bus, counters, blobs, log, clock: () => state.now };
  const nobody: Fetch = () => Promise.reject(new TypeError('fetch failed'));
  const authService = own(
    await startAuth(loadConfig(AuthConfig, { environment }), {
      ...{ ...given, database: database('auth') },
      peers: { key: nobody, message: nobody, file: nobody },
    }),
  );
  const auth: Fetch = (...call) => (state.up ? authService : { fetch: nobody }).fetch(...call);
  const peers = { auth, key: nobody, message: nobody, file: nobody };
  const config = { environment };
  const key = own(
    await startKey(loadConfig(KeyConfig, config), { ...given, peers, database: database('key') }),
  );
  const file = own(
    await startFile(loadConfig(FileConfig, config), {
      ...given,
      peers,
      database: database('file'),
    }),
  );
  const message = own(
    await startMessage(loadConfig(MessageConfig, config), {
      ...{ ...given, peers, database: database('message') },
    }),
  );
  const { port } = own(await listen(message, { host: '127.0.0.1', port: 0 }));
  const { pool } = database<object>('auth');
  const running = opened.move();
  return {
    state,
    auth: authService.fetch,
    ...{ key: key.fetch, file: file.fetch, message: message.fetch },
    port,
    firstUses: async (session: string): Promise<object[]> => {
      const { rows } = await pool.query('select first_uses from sessions where id = $1', [session]);
      return rows[0].first_uses;
    },
    close: () => running.disposeAsync(),
  };
}

async function call(
  fetch: Fetch,
  { method, path }: Pick<EndpointSpec, 'method' | 'path'>,
  { token, body }: { token?: string; body?: object } = {},
): Promise<Response> {
  return fetch(
    new Request(`http://service${path}`, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    }),
  );
}

let names = 0;
async function account(auth = platform.auth): Promise<Login> {
  const body = { username: `Beside${++names}`, password: 'Correct-h0rse' };
  return Login.parse(await (await call(auth, register, { body })).json());
}

async function renew(refreshToken: string): Promise<Response> {
  return call(platform.auth, refresh, { body: { refreshToken } });
}

test('a service is not ready before it has heard of ended sessions, and then lets callers in', async () => {
  const { state, auth, key, message, file, close } = await start({ up: false });
  onTestFinished(close);
  const { accessToken: token } = await account(auth);
  const others = [
    [key, countPrekeys],
    [message, listConversations],
    [file, { ...downloadFile, path: `/api/v1/files/${crypto.randomUUID()}` }],
  ] as const;
  const ready = { method: 'GET', path: '/health/ready' } as const;
  for (const [service, endpoint] of others) {
    expect((await call(service, ready)).status).toBe(503);
    expect((await call(service, endpoint, { token })).status).toBe(503);
  }
  state.up = true;
  for (const [service, endpoint] of others) {
    const isReady = async () => expect((await call(service, ready)).status).toBe(200);
    await vi.waitFor(isReady, { timeout: 20_000 });
    expect((await call(service, endpoint, { token })).status).toBeLessThan(500);
  }
  // Once is enough: what was heard is good until its tokens are dead.
  state.up = false;
  for (const [service] of others) expect((await call(service, ready)).status).toBe(200);
});

test.each([
  ['the key service', (token: string) => call(platform.key, countPrekeys, { token })],
  ['the message service', (token: string) => call(platform.message, listConversations, { token })],
  [
    'the file service',
    (token: string) => {
      const path = `/api/v1/files/${crypto.randomUUID()}`;
      return call(platform.file, { ...downloadFile, path }, { token });
    },
  ],
  ['a socket', openSocket],
])(
  'an access token that is used at %s ends the refresh token before it ten seconds later',
  async (_, use) => {
    const { session, refreshToken, accessToken } = await account();
    const next = Tokens.parse(await (await renew(refreshToken)).json());
    // That of the log-in says nothing about the answer to the renewal.
    await use(accessToken);
    platform.state.now += 60_000;
    expect(Tokens.parse(await (await renew(refreshToken)).json()).refreshToken).toBe(
      next.refreshToken,
    );
    expect(await platform.firstUses(session)).not.toContainEqual(
      expect.objectContaining({ generation: 1 }),
    );
    await use(next.accessToken);
    await vi.waitFor(
      async () => {
        const used = { generation: 1, at: platform.state.now };
        expect(await platform.firstUses(session)).toContainEqual(used);
      },
      { timeout: 20_000 },
    );
    platform.state.now += 9_000;
    expect((await renew(refreshToken)).status).toBe(200);
    platform.state.now += 2_000;
    expect((await renew(refreshToken)).status).toBe(401);
    expect((await renew(next.refreshToken)).status).toBe(401);
  },
);

/** Resolves once the socket is open, and ends it. */
function openSocket(token: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const opening = request({
      ...{ host: '127.0.0.1', port: platform.port, path: '/api/v1/ws' },
      headers: {
        authorization: `Bearer ${token}`,
        connection: 'upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': Buffer.alloc(16).toString('base64'),
      },
    });
    opening.on('upgrade', (_, socket) => {
      socket.destroy();
      resolve();
    });
    opening.on('response', ({ statusCode }) => reject(new Error(`no socket: ${statusCode}`)));
    opening.on('error', reject);
    opening.end();
  });
}
