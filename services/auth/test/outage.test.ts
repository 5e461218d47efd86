/** What this service says, and how soon, while Redis or PostgreSQL is gone; and that nobody has to restart it. */
import {
  type Login,
  login,
  logout,
  me,
  openChallenge,
  refresh,
  register,
  Tokens,
} from '@sotto/api';
import { openDatabase, openRedisCounters } from '@sotto/runtime';
import { type CuttableWire, cuttableWire, testRedis } from '@sotto/runtime/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { AuthTables } from '../src/schema.ts';
import { DeviceKeyCaller } from './bound.fixture.ts';
import { type Caller, openPlatform, PASSWORD, type TestPlatform } from './platform.fixture.ts';

/** The contract promises an answer in two seconds; this is what is left of them for a machine that is busy. */
const ANSWER_MS = 2_000;

let opened: AsyncDisposableStack;
let platform: TestPlatform;
let auth: Caller;
let wire: CuttableWire;

beforeEach(async () => {
  opened = new AsyncDisposableStack();
  platform = await openPlatform();
  opened.defer(() => platform.close());
});
afterEach(() => opened.disposeAsync());

let names = 0;
const freshName = () => `Outage${++names}`;
const bearer = (token: string) => ({ token: `Bearer ${token}` });

/** What is answered, once it is known to have come in time. */
async function inTime<T>(answer: Promise<T>): Promise<T> {
  const started = performance.now();
  const given = await answer;
  expect(performance.now() - started).toBeLessThan(ANSWER_MS);
  return given;
}

const isUnavailable = { status: 503, body: { code: 'service.unavailable' } };

describe('without Redis', () => {
  let bound: DeviceKeyCaller;
  let account: Login;
  let unbound: Login;

  beforeEach(async () => {
    const { url, prefix } = testRedis();
    wire = await cuttableWire(url);
    opened.defer(() => wire.close());
    const counters = await openRedisCounters({ url: wire.url, prefix });
    opened.defer(() => counters.close());
    auth = await platform.start(undefined, { counters });
    bound = new DeviceKeyCaller(auth, () => platform.time.now);
    account = await bound.register(freshName());
    unbound = await auth.register(freshName());
  });

  test('limits go on within the process, and what must be used once is refused', async () => {
    wire.cut();
    // Whoever does not sign notices nothing.
    const fresh = { username: freshName(), password: PASSWORD };
    expect((await inTime(auth.send(register, { body: fresh }))).status).toBe(201);
    const again = { username: unbound.username, password: PASSWORD, device: unbound.device };
    const renewed = await inTime(auth.send(login, { body: again }));
    expect(renewed.status).toBe(200);
    const { refreshToken, accessToken } = renewed.body as Login;
    expect((await inTime(auth.send(refresh, { body: { refreshToken } }))).status).toBe(200);
    expect((await inTime(auth.send(me, bearer(accessToken)))).status).toBe(200);
    const wrong = { ...again, password: 'Wrong-passw0rd' };
    for (let failure = 0; failure < 5; failure++) {
      expect((await inTime(auth.send(login, { body: wrong }))).status).toBe(401);
    }
    expect((await inTime(auth.send(login, { body: wrong }))).status).toBe(429);

    // A proof or a challenge that may have been used is none.
    const body = { refreshToken: account.refreshToken };
    const refused = await inTime(bound.send(refresh, { body }));
    expect(refused).toMatchObject(isUnavailable);
    expect(refused.headers.get('retry-after')).toBe('1');
    const asked = await inTime(auth.send(openChallenge, { body: { device: account.device } }));
    expect(asked.status).toBe(200);
    expect(await inTime(bound.logInByChallenge(account.device))).toMatchObject(isUnavailable);
    // A read that needs no proof is not refused for one that cannot be checked.
    const token = account.accessToken;
    expect((await inTime(bound.send(me, { token }))).status).toBe(200);

    wire.restore();
    await vi.waitFor(async () => {
      const answer = await bound.send(refresh, { body });
      expect(answer.status).toBe(200);
      // It is the first successor: nothing was used up while Redis was gone.
      expect(Tokens.parse(answer.body).refreshToken).not.toBe(account.refreshToken);
    }, 10_000);
    expect((await bound.logInByChallenge(account.device)).status).toBe(200);
  });

  test('one that takes requests and says nothing holds nobody up for longer', async () => {
    wire.silence();
    const credentials = { username: unbound.username, password: PASSWORD, device: unbound.device };
    const [plain, signed] = await Promise.all([
      inTime(auth.send(login, { body: credentials })),
      inTime(bound.send(refresh, { body: { refreshToken: account.refreshToken } })),
    ]);
    expect(plain.status).toBe(200);
    expect(signed).toMatchObject(isUnavailable);
  });

  test('emptied, it takes nobody’s session with it', async () => {
    const counters = await openRedisCounters({ ...testRedis() });
    opened.defer(() => counters.close());
    // Another prefix is an empty Redis.
    const after = await platform.start(undefined, { counters });
    const renewed = await after.refresh(unbound.refreshToken);
    expect((await after.send(me, bearer(renewed.accessToken))).status).toBe(200);
    expect((await after.refresh(renewed.refreshToken)).refreshToken).toBeDefined();
  });
});

test('without PostgreSQL every route that needs it says so in time, and works again by itself', async () => {
  const options = platform.databaseOptions;
  wire = await cuttableWire(`postgres://${options.host}:${options.port}`);
  opened.defer(() => wire.close());
  const { port } = new URL(wire.url);
  const database = openDatabase<AuthTables>({ ...options, host: '127.0.0.1', port: Number(port) });
  opened.defer(() => database.close());
  auth = await platform.start(undefined, { database });
  const client = new DeviceKeyCaller(auth, () => platform.time.now);
  const account = await client.register(freshName());
  wire.cut();
  const credentials = { username: account.username, password: PASSWORD };
  const calls = [
    auth.send(register, { body: { ...credentials, username: freshName() } }),
    auth.send(login, { body: credentials }),
    client.send(refresh, { body: { refreshToken: account.refreshToken } }),
    client.logInByChallenge(account.device),
    auth.send(me, bearer(account.accessToken)),
    auth.send(logout, bearer(account.accessToken)),
  ];
  for (const answer of await inTime(Promise.all(calls))) {
    expect(answer).toMatchObject(isUnavailable);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  }
  wire.restore();
  await vi.waitFor(async () => {
    const body = { refreshToken: account.refreshToken };
    expect((await client.send(refresh, { body })).status).toBe(200);
  }, 10_000);
  expect((await auth.send(login, { body: credentials })).status).toBe(200);
});
