/** The end of an account, and what its owner takes along; on a real PostgreSQL. */
import {
  deleteAccount,
  exportAccount,
  type Login,
  login,
  me,
  recover,
  refresh,
  register,
} from '@sotto/api';
import {
  type Event,
  exportFiles,
  exportKeys,
  exportMessages,
  findAccount,
} from '@sotto/api/internal';
import { consumeEvent, createApp, createLogger, createMetrics, mount } from '@sotto/runtime';
import { testGuards } from '@sotto/runtime/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { eraseDeleted } from '../src/deletion.ts';
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
/** While true the file service does not answer. */
let isFileDown = false;

beforeAll(async () => {
  platform = await openPlatform();
  auth = await platform.start(testConfig(), { peers: peers() });
});
afterAll(() => platform.close());

/** The services that are asked for their part of an export. */
function peers() {
  const log = createLogger({ service: 'peer', level: 'silent' });
  const app = createApp({ service: 'peer', log, metrics: createMetrics('peer') });
  const never = () => Promise.reject(new Error('nobody'));
  const guards = testGuards(INTERNAL_SECRET);
  for (const endpoint of [exportKeys, exportMessages, exportFiles]) {
    mount(app, guards, endpoint, async ({ params }) => ({
      tables: { [endpoint.service]: [{ user: params.user_id }] },
    }));
  }
  const fetch = (request: Request) => app.fetch(request);
  return {
    key: fetch,
    message: fetch,
    file: (request: Request) => (isFileDown ? never() : app.fetch(request)),
  };
}

let names = 0;
const freshName = () => `Leaver${++names}`;
const bearer = ({ accessToken }: Login) => ({ token: `Bearer ${accessToken}` });
const service = { token: `Service ${INTERNAL_SECRET}` };
const NEW_PASSWORD = 'Another-h0rse';

async function newAccount(email?: string) {
  const username = freshName();
  const { status, body } = await auth.send(register, {
    body: { username, password: PASSWORD, ...(email && { email }) },
  });
  expect(status).toBe(201);
  return { ...register.response.parse(body), username };
}

describe('deleting an account', () => {
  async function deleted() {
    const account = await newAccount('gone@example.org');
    const body = { password: PASSWORD };
    expect((await auth.send(deleteAccount, { body, ...bearer(account) })).status).toBe(204);
    return account;
  }

  test('wants the password', async () => {
    const account = await newAccount();
    const body = { password: 'Wrong-passw0rd' };
    expect(await auth.problem(deleteAccount, { body, ...bearer(account) })).toMatchObject({
      code: 'auth.credentials-wrong',
    });
    expect((await auth.send(me, bearer(account))).status).toBe(200);
  });

  test('ends everything at once, and tells the other services, once', async () => {
    const heard: Event<'events.account.deleted'>[] = [];
    const listening = await consumeEvent(
      platform.bus,
      'test-deleted',
      'events.account.deleted',
      async (event) => void heard.push(event),
    );
    const { user, username, device, recoveryCode, ...tokens } = await deleted();
    const all = { user, username, device, recoveryCode, ...tokens };
    expect((await auth.send(me, bearer(all))).status).toBe(401);
    const attempts = [
      auth.problem(login, { body: { username, password: PASSWORD } }),
      auth.problem(refresh, { body: { refreshToken: tokens.refreshToken } }),
      auth.problem(recover, { body: { username, recoveryCode, newPassword: NEW_PASSWORD } }),
    ];
    expect((await Promise.all(attempts)).map(({ status }) => status)).toEqual([401, 401, 401]);
    const path = findAccount.path.replace('{user_id}', user);
    expect((await auth.send({ ...findAccount, path }, service)).body).toEqual({});
    await vi.waitFor(
      () => expect(heard.filter((event) => event.user === user)).toHaveLength(1),
      20_000,
    );
    expect(heard.find((event) => event.user === user)?.devices).toEqual([device]);
    await listening.close();
  });

  test('names every device that it ever had, those with keys first, in as many events as that takes', async () => {
    const account = await newAccount();
    const ids = Array.from({ length: 1_500 }, () => crypto.randomUUID());
    await platform.database.pool.query(
      `insert into devices (id, user_id, created_at, logged_in_at, retired_at, has_keys)
       select id, $2, now() - place * interval '1 hour', now(), now(), place > 1400
       from unnest($1::uuid[]) with ordinality as made (id, place)`,
      [ids, account.user],
    );
    const heard: string[][] = [];
    const listening = await consumeEvent(
      platform.bus,
      // The group of the test before: in one process a publisher waits for all that there are.
      'test-deleted',
      'events.account.deleted',
      async ({ user, devices = [] }) => void (user === account.user && heard.push(devices)),
    );
    const body = { password: PASSWORD };
    expect((await auth.send(deleteAccount, { body, ...bearer(account) })).status).toBe(204);
    await vi.waitFor(() => expect(heard.flat()).toHaveLength(1_501), 20_000);
    heard.sort((one, other) => other.length - one.length);
    expect(heard.map(({ length }) => length)).toEqual([1_000, 501]);
    expect(heard.flat().slice(0, 100).sort()).toEqual(ids.slice(1_400).sort());
    expect(new Set(heard.flat())).toEqual(new Set([...ids, account.device]));
    await listening.close();
  });

  test('keeps the name until the account is erased, and no row of it after', async () => {
    const { user, username, device, session } = await deleted();
    const again = { body: { username, password: PASSWORD } };
    expect(await auth.problem(register, again)).toMatchObject({ code: 'auth.username-taken' });
    await eraseDeleted(platform);
    expect(await auth.problem(register, again)).toMatchObject({ code: 'auth.username-taken' });
    await platform.database.pool.query(
      "update users set deleted_at = deleted_at - interval '61 minutes' where id = $1",
      [user],
    );
    await Promise.all([eraseDeleted(platform), eraseDeleted(platform)]);
    const { rows } = await platform.database.pool.query(
      `select 1 from users where id = $1 union all select 1 from devices where id = $2
       union all select 1 from sessions where id = $3`,
      [user, device, session],
    );
    expect(rows).toEqual([]);
    const successor = await auth.register(username);
    expect(successor.user).not.toBe(user);
  });

  test('does not stop services from hearing of its ended sessions', async () => {
    const { session } = await deleted();
    await eraseDeleted(platform);
    const { rows } = await platform.database.pool.query(
      'select ended_at from sessions where id = $1',
      [session],
    );
    expect(rows[0]?.ended_at).toBeInstanceOf(Date);
  });
});

describe('an export', () => {
  test('has what every service holds, and nothing that opens the account', async () => {
    const account = await newAccount('mine@example.org');
    const other = await newAccount();
    const { status, body } = await auth.send(exportAccount, {
      ...bearer(account),
      from: '192.0.2.44',
    });
    expect(status).toBe(200);
    const exported = exportAccount.response.parse(body);
    expect(Object.keys(exported.services).sort()).toEqual(['auth', 'file', 'key', 'message']);
    const { users, devices, sessions, audit_log } = exported.services.auth ?? {};
    expect(users).toMatchObject([{ username: account.username, email: 'mine@example.org' }]);
    expect(devices).toMatchObject([{ id: account.device }]);
    expect(sessions).toMatchObject([{ id: account.session }]);
    expect(audit_log).toMatchObject([{ action: 'account.registered' }]);
    const text = JSON.stringify(exported);
    expect(text).not.toContain(other.user);
    expect(text).not.toMatch(/argon2|refresh_salt|recovery_digest|password/);
    const again = await auth.send(exportAccount, bearer(account));
    expect(JSON.stringify(again.body)).toContain('192.0.2.44');
  });

  test('is given twice an hour, to each account', async () => {
    const account = await newAccount();
    for (let count = 0; count < 2; count++) {
      expect((await auth.send(exportAccount, bearer(account))).status).toBe(200);
    }
    const refused = await auth.problem(exportAccount, bearer(account));
    expect(refused).toMatchObject({ code: 'rate.limited', retryAfter: expect.any(Number) });
    expect((await auth.send(exportAccount, bearer(await newAccount()))).status).toBe(200);
  });

  test('is not given with a part missing', async () => {
    const account = await newAccount();
    isFileDown = true;
    const problem = await auth.problem(exportAccount, bearer(account));
    isFileDown = false;
    expect(problem).toMatchObject({ code: 'service.unavailable', status: 503 });
  });
});
