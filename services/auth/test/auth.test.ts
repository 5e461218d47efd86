import {
  DEVICES_PER_ACCOUNT_MAX,
  type Login,
  login,
  logout,
  me,
  refresh,
  register,
} from '@sotto/api';
import { type Event, findAccount, listRevocations } from '@sotto/api/internal';
import { consumeEvent, publishEvent } from '@sotto/runtime';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { DeviceKeyCaller } from './bound.fixture.ts';
import {
  type Caller,
  INTERNAL_SECRET,
  openPlatform,
  PASSWORD,
  type TestPlatform,
  testConfig,
} from './platform.fixture.ts';

let platform: TestPlatform;
let auth: Caller;

beforeAll(async () => {
  platform = await openPlatform();
  auth = await platform.start();
});
afterAll(() => platform.close());

let names = 0;
const freshName = () => `User${++names}`;
const bearer = (token: string) => ({ token: `Bearer ${token}` });
const service = { token: `Service ${INTERNAL_SECRET}` };

describe('registering', () => {
  test('makes an account with a device and a session that works at once', async () => {
    const username = freshName();
    const account = await auth.register(username);
    const { status, body } = await auth.send(me, bearer(account.accessToken));
    expect(status).toBe(200);
    expect(body).toMatchObject({
      user: account.user,
      username,
      device: account.device,
      session: account.session,
    });
    expect(account.accessExpiresIn).toBe(900);
    expect(account.refreshExpiresIn).toBe(720 * 3600);
  });

  test('a name is taken in every spelling, and the first owner keeps the account', async () => {
    const username = freshName();
    const attempts = await Promise.all(
      [username, username.toUpperCase(), username.toLowerCase()].map((name) =>
        auth.send(register, { body: { username: name, password: PASSWORD } }),
      ),
    );
    expect(attempts.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    expect(
      (await auth.login({ username: username.toUpperCase(), password: PASSWORD })).username,
    ).toBeDefined();
  });

  test.each([
    ['ab', PASSWORD, 'auth.username-rule', 'username'],
    ['a'.repeat(51), PASSWORD, 'auth.username-rule', 'username'],
    ['with space', PASSWORD, 'auth.username-rule', 'username'],
    ['Ünïcode', PASSWORD, 'auth.username-rule', 'username'],
    ['fine', 'Sh0rt!', 'auth.password-rule', 'password'],
    ['fine', 'no-upper-1case'.slice(0, 12), 'auth.password-rule', 'password'],
  ])('%j with %j breaks a rule that the problem names', async (username, password, code, field) => {
    const problem = await auth.problem(register, { body: { username, password } });
    expect(problem).toMatchObject({ code, status: 422, fields: [field] });
    expect(problem.detail).toBeDefined();
    expect(JSON.stringify(problem)).not.toContain(password);
  });

  test('the new account is told to other services once, and can be asked for', async () => {
    const heard: Event<'events.account.created'>[] = [];
    await consumeEvent(
      platform.bus,
      'test',
      'events.account.created',
      async (e) => void heard.push(e),
    );
    const username = freshName();
    const { user } = await auth.register(username);
    await vi.waitFor(
      () => expect(heard.filter((event) => event.user === user)).toHaveLength(1),
      20_000,
    );
    expect(heard.at(-1)).toEqual({ user, username });

    const path = findAccount.path.replace('{user_id}', user);
    expect((await auth.send({ ...findAccount, path }, service)).body).toEqual({
      account: { user, username },
    });
    const unknown = findAccount.path.replace('{user_id}', crypto.randomUUID());
    expect((await auth.send({ ...findAccount, path: unknown }, service)).body).toEqual({});
    expect(await auth.problem({ ...findAccount, path })).toMatchObject({ status: 401 });
  });
});

describe('logging in', () => {
  test('a wrong password and an unknown user get the same answer, to the byte', async () => {
    const username = freshName();
    await auth.register(username);
    const password = 'Wrong-passw0rd';
    const wrong = await auth.send(login, { body: { username, password } });
    const unknown = await auth.send(login, { body: { username: freshName(), password } });
    for (const answer of [wrong, unknown]) {
      answer.headers.delete('x-request-id');
      Object.assign(answer.body as object, { instance: undefined });
    }
    expect(wrong.status).toBe(401);
    expect(wrong.body).toEqual(unknown.body);
    expect([...wrong.headers]).toEqual([...unknown.headers]);
  });

  test('on a known device keeps the device and ends its earlier session', async () => {
    const username = freshName();
    const first = await auth.register(username);
    const again = await auth.login({ username, password: PASSWORD, device: first.device });
    expect(again).toMatchObject({ user: first.user, device: first.device, username });
    expect(again.session).not.toBe(first.session);
    expect(await auth.problem(me, bearer(first.accessToken))).toMatchObject({
      code: 'auth.token-invalid',
    });
    expect(
      await auth.problem(refresh, { body: { refreshToken: first.refreshToken } }),
    ).toMatchObject({ code: 'auth.refresh-invalid' });
    expect((await auth.send(me, bearer(again.accessToken))).status).toBe(200);
  });

  test("another account's device is told from a wrong password only with the right one", async () => {
    const username = freshName();
    await auth.register(username);
    const { device } = await auth.register(freshName());
    const body = { username, password: PASSWORD, device };
    expect(await auth.problem(login, { body })).toMatchObject({
      code: 'auth.device-unknown',
      status: 409,
    });
    const wrong = { ...body, password: 'Wrong-passw0rd' };
    expect(await auth.problem(login, { body: wrong })).toMatchObject({
      code: 'auth.credentials-wrong',
    });
  });

  test('at the device limit a device without keys gives way, one with keys never does', async () => {
    const username = freshName();
    const first = await auth.register(username);
    const later = [];
    for (let count = 0; count < 5; count++) {
      platform.time.now += 1_000;
      later.push(await auth.login({ username, password: PASSWORD }));
    }
    const list = { user: first.user, version: 1, devices: [first.device] };
    await publishEvent(platform.bus, 'events.device-list.changed', list, crypto.randomUUID());
    platform.time.now += 1_000;
    const seventh = await auth.login({ username, password: PASSWORD });
    expect((await auth.send(me, bearer(first.accessToken))).status).toBe(200);
    expect((await auth.send(me, bearer(later[0]?.accessToken ?? ''))).status).toBe(401);

    const devices = [first.device, ...later.slice(1).map((one) => one.device), seventh.device];
    const full = { user: first.user, version: 2, devices };
    await publishEvent(platform.bus, 'events.device-list.changed', full, crypto.randomUUID());
    await vi.waitFor(async () => {
      const problem = await auth.problem(login, { body: { username, password: PASSWORD } });
      expect(problem).toMatchObject({ code: 'auth.device-limit' });
    }, 20_000);
    const known = await auth.login({ username, password: PASSWORD, device: seventh.device });
    expect(known.device).toBe(seventh.device);
  });

  test('at the device limit a device whose keys auth has not heard of stays, and so while nobody can say', async () => {
    const username = freshName();
    const devices = [await auth.register(username)];
    for (let count = 1; count < DEVICES_PER_ACCOUNT_MAX; count++) {
      platform.time.now += 1_000;
      devices.push(await auth.login({ username, password: PASSWORD }));
    }
    const [first, second] = devices as [Login, Login];
    const { user } = first;
    const body = { username, password: PASSWORD };
    platform.key.isDown = true;
    expect(await auth.problem(login, { body })).toMatchObject({ code: 'auth.device-limit' });
    platform.key.isDown = false;

    const ids = devices.map(({ device }) => device);
    platform.key.lists.set(user, ids);
    expect(await auth.problem(login, { body })).toMatchObject({ code: 'auth.device-limit' });

    platform.key.lists.set(user, [first.device, ...ids.slice(2)]);
    await auth.login({ username, password: PASSWORD });
    expect((await auth.send(me, bearer(first.accessToken))).status).toBe(200);
    expect((await auth.send(me, bearer(second.accessToken))).status).toBe(401);
  });

  test('five failures are limited, the right password too, until the window ends', async () => {
    const other = await openPlatform();
    const process = await other.start();
    try {
      await process.register('Victim');
      const wrong = { body: { username: 'victim', password: 'Wrong-passw0rd' } };
      for (let failure = 0; failure < 5; failure++) {
        expect(await process.problem(login, wrong)).toMatchObject({ status: 401 });
      }
      const right = { body: { username: 'VICTIM', password: PASSWORD } };
      const refused = await process.problem(login, right);
      expect(refused).toMatchObject({ code: 'rate.limited', status: 429 });
      expect(refused.retryAfter).toBeGreaterThan(290);
      expect(refused.retryAfter).toBeLessThanOrEqual(300);
      // Whoever is not there is limited alike.
      const nobody = { body: { username: 'nobody', password: 'Wrong-passw0rd' } };
      for (let failure = 0; failure < 5; failure++) {
        expect(await process.problem(login, nobody)).toMatchObject({ status: 401 });
      }
      expect(await process.problem(login, nobody)).toMatchObject({ code: 'rate.limited' });
    } finally {
      await other.close();
    }
  });

  test("a stranger's failures do not lock a known device out, nor do its own unlock more", async () => {
    const username = freshName();
    const known = new DeviceKeyCaller(auth, () => platform.time.now);
    const { device } = await known.register(username);
    const wrong = { username, password: 'Wrong-passw0rd' };
    const right = { username, password: PASSWORD, device };
    const { device: foreign } = await auth.register(freshName());
    // Devices of others and made-up ones share the attempts of no device.
    const strangers = [undefined, undefined, foreign, crypto.randomUUID(), crypto.randomUUID()];
    for (const one of strangers) {
      const problem = await auth.problem(login, { body: { ...wrong, device: one } });
      expect(problem).toMatchObject({ code: 'auth.credentials-wrong' });
    }
    for (const one of [undefined, foreign, crypto.randomUUID()]) {
      const problem = await auth.problem(login, { body: { ...wrong, device: one } });
      expect(problem).toMatchObject({ code: 'rate.limited' });
    }
    expect((await known.send(login, { body: right })).body).toMatchObject({ device });

    for (let failure = 0; failure < 5; failure++) {
      const { body } = await known.send(login, { body: { ...wrong, device } });
      expect(body).toMatchObject({ code: 'auth.credentials-wrong' });
    }
    expect((await known.send(login, { body: right })).body).toMatchObject({ code: 'rate.limited' });
  });

  test('failures lock an account for the address that they came from, and for no other', async () => {
    const username = freshName();
    await auth.register(username);
    const wrong = { username, password: 'Wrong-passw0rd' };
    // One site owns all addresses of a /64.
    for (const end of ['1', '2', '3', '4', '5']) {
      const call = { body: wrong, from: `2001:db8:0:7::${end}` };
      expect(await auth.problem(login, call)).toMatchObject({ code: 'auth.credentials-wrong' });
    }
    const right = { username, password: PASSWORD };
    const locked = { body: right, from: '2001:db8:0:7::6' };
    expect(await auth.problem(login, locked)).toMatchObject({ code: 'rate.limited' });
    expect((await auth.send(login, { body: right, from: '2001:db8:0:8::1' })).status).toBe(200);
  });
});

test('registrations beyond the limit are refused with the time to wait', async () => {
  const other = await openPlatform();
  const process = await other.start(testConfig({ limits: { registerPerHourPrivate: 2 } }));
  try {
    const send = (username: string) =>
      process.send(register, { body: { username, password: PASSWORD } });
    const answers = await Promise.all(['one', 'two', 'three', 'four'].map(send));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 429, 429]);
    const refused = answers.find(({ status }) => status === 429);
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(3_500);
  } finally {
    await other.close();
  }
});

test('a public address may make fewer accounts than a private one, each its own', async () => {
  const other = await openPlatform();
  const process = await other.start(
    testConfig({ limits: { registerPerHour: 1, registerPerHourPrivate: 2 } }),
  );
  try {
    const from = (address: string) =>
      process.send(register, {
        body: { username: freshName(), password: PASSWORD },
        from: address,
      });
    expect((await from('203.0.113.7')).status).toBe(201);
    expect((await from('203.0.113.7')).status).toBe(429);
    expect((await from('203.0.113.8')).status).toBe(201);
    for (const status of [201, 201, 429]) {
      expect((await from('127.0.0.1')).status).toBe(status);
    }
  } finally {
    await other.close();
  }
});

test('registrations that fail leave the budget of everybody alone', async () => {
  const other = await openPlatform();
  const process = await other.start(testConfig({ limits: { registerPerHourPrivate: 2 } }));
  try {
    await process.register('Taken');
    const again = { body: { username: 'taken', password: PASSWORD } };
    for (let count = 0; count < 5; count++) {
      expect(await process.problem(register, again)).toMatchObject({ code: 'auth.username-taken' });
    }
    expect((await process.register('Free')).username).toBe('Free');
    const third = { body: { username: 'Third', password: PASSWORD } };
    expect(await process.problem(register, third)).toMatchObject({ code: 'rate.limited' });
    // What was refused has left nothing behind.
    const { rows } = await other.database.pool.query('select username from users order by 1');
    expect(rows.map(({ username }) => username)).toEqual(['Free', 'Taken']);
  } finally {
    await other.close();
  }
});

test('logging out ends the session here, for refreshing, and for services that ask or listen', async () => {
  const heard: Event<'events.session.revoked'>[] = [];
  await consumeEvent(
    platform.bus,
    'test',
    'events.session.revoked',
    async (e) => void heard.push(e),
  );
  const account = await auth.register(freshName());
  expect((await auth.send(logout, bearer(account.accessToken))).status).toBe(204);
  expect(await auth.problem(me, bearer(account.accessToken))).toMatchObject({ status: 401 });
  const body = { refreshToken: account.refreshToken };
  expect(await auth.problem(refresh, { body })).toMatchObject({ code: 'auth.refresh-invalid' });

  const all = await auth.send(listRevocations, service);
  const { now, revocations } = listRevocations.response.parse(all.body);
  const entry = revocations.find(({ session }) => session === account.session);
  expect(entry).toBeDefined();
  const since = await auth.send(listRevocations, { ...service, query: `?since=${now}` });
  expect(listRevocations.response.parse(since.body).revocations).toEqual([]);
  const told = { ...entry, device: account.device };
  await vi.waitFor(() => expect(heard).toContainEqual(told), 20_000);
});

test('neither password nor token is in the database or in the log', async () => {
  const lines: string[] = [];
  const keep = (event: string, fields?: object) => void lines.push(event, JSON.stringify(fields));
  const log = { debug: keep, info: keep, warn: keep, error: keep };
  const process = await platform.start(testConfig(), { log });
  const username = freshName();
  const password = `Canary-${crypto.randomUUID()}`;
  const account = await process.register(username, password);
  const tokens = await process.refresh(account.refreshToken);
  await process.problem(login, { body: { username, password: `${password}x` } });
  const tables = ['users', 'devices', 'sessions', 'outbox'];
  const dumps = await Promise.all(
    tables.map((table) => platform.database.pool.query(`select t::text from ${table} t`)),
  );
  const written = JSON.stringify([dumps.map(({ rows }) => rows), lines]);
  expect(written).toContain(username);
  for (const secret of [
    password,
    account.accessToken,
    account.refreshToken,
    tokens.refreshToken,
    Buffer.from(tokens.refreshToken, 'base64url').subarray(20).toString('hex'),
  ]) {
    expect(written).not.toContain(secret);
  }
});
