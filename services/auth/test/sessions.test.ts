import {
  addDevice,
  DEVICES_PER_ACCOUNT_MAX,
  type DeviceId,
  endSession,
  type Login,
  listDevices,
  listSessions,
  login,
  logoutEverywhere,
  me,
  refresh,
  renameDevice,
  revokeDevice,
} from '@sotto/api';
import { type Event, listRevocations } from '@sotto/api/internal';
import { consumeEvent, publishEvent } from '@sotto/runtime';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { makeDeviceKey } from './device-key.fixture.ts';
import {
  type Caller,
  INTERNAL_SECRET,
  openPlatform,
  PASSWORD,
  type TestPlatform,
} from './platform.fixture.ts';

let platform: TestPlatform;
let auth: Caller;
const retired: Event<'events.device.retired'>[] = [];

beforeAll(async () => {
  platform = await openPlatform();
  auth = await platform.start();
  await consumeEvent(platform.bus, 'test', 'events.device.retired', async (event) => {
    retired.push(event);
  });
});
afterAll(() => platform.close());

let names = 0;
const freshName = () => `Owner${++names}`;
const bearer = ({ accessToken }: Pick<Login, 'accessToken'>) => ({
  token: `Bearer ${accessToken}`,
});
const statusOf = async (account: Login) => (await auth.send(me, bearer(account))).status;
const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');

const sessionsOf = async (account: Login) => {
  const { body } = await auth.send(listSessions, bearer(account));
  return listSessions.response.parse(body).sessions;
};
const devicesOf = async (account: Login) => {
  const { body } = await auth.send(listDevices, bearer(account));
  return listDevices.response.parse(body).devices;
};
const publishKeysOf = async (user: Login['user'], devices: DeviceId[]) => {
  const list = { user, version: 1, devices };
  await publishEvent(platform.bus, 'events.device-list.changed', list, crypto.randomUUID());
};
const path = <E extends { path: string }>(endpoint: E, id: string): E => ({
  ...endpoint,
  path: endpoint.path.replace(/\{\w+\}/, id),
});

describe('sessions', () => {
  test('are listed with the newest first, and end one by one', async () => {
    const username = freshName();
    const first = await auth.register(username);
    platform.time.now += 1_000;
    const second = await auth.login({ username, password: PASSWORD });
    expect(await sessionsOf(first)).toEqual([
      expect.objectContaining({ session: second.session, device: second.device, current: false }),
      expect.objectContaining({ session: first.session, bound: false, current: true }),
    ]);
    const end = path(endSession, second.session);
    expect((await auth.send(end, bearer(first))).status).toBe(204);
    expect((await auth.send(end, bearer(first))).status).toBe(204);
    expect(await statusOf(second)).toBe(401);
    expect(await sessionsOf(first)).toHaveLength(1);
  });

  test('tell when they were renewed', async () => {
    const account = await auth.register(freshName());
    platform.time.now += 60_000;
    const renewed = await auth.refresh(account.refreshToken);
    const [session] = await sessionsOf({ ...account, ...renewed });
    expect(Date.parse(session?.renewedAt ?? '')).toBe(platform.time.now);
    expect(Date.parse(session?.createdAt ?? '')).toBe(platform.time.now - 60_000);
  });

  test('of somebody else cannot be ended, nor told from ones that are not there', async () => {
    const account = await auth.register(freshName());
    const other = await auth.register(freshName());
    for (const id of [other.session, crypto.randomUUID()]) {
      const problem = await auth.problem(path(endSession, id), bearer(account));
      expect(problem).toMatchObject({ code: 'auth.session-unknown', status: 404 });
    }
    expect(await statusOf(other)).toBe(200);
  });

  test('end all at once, for tokens and for refreshing, and other services are told of each', async () => {
    const username = freshName();
    const all = [await auth.register(username)];
    for (let more = 0; more < 2; more++)
      all.push(await auth.login({ username, password: PASSWORD }));
    const [caller] = all as [Login];
    expect((await auth.send(logoutEverywhere, bearer(caller))).status).toBe(204);
    for (const account of all) {
      expect(await statusOf(account)).toBe(401);
      const body = { refreshToken: account.refreshToken };
      expect(await auth.problem(refresh, { body })).toMatchObject({ code: 'auth.refresh-invalid' });
    }
    const { body } = await auth.send(listRevocations, { token: `Service ${INTERNAL_SECRET}` });
    const told = listRevocations.response.parse(body).revocations.map(({ session }) => session);
    expect(told).toEqual(expect.arrayContaining(all.map(({ session }) => session)));
  });
});

describe('devices', () => {
  test('have names that only their owner reads: sealed in the database, whatever the client did', async () => {
    const account = await auth.register(freshName());
    const name = new TextEncoder().encode('kitchen laptop');
    const rename = path(renameDevice, account.device);
    const body = { name: base64url(name) };
    expect((await auth.send(rename, { ...bearer(account), body })).status).toBe(204);
    expect(await devicesOf(account)).toMatchObject([
      { device: account.device, name, current: true },
    ]);
    const { rows } = await platform.database.pool.query('select name from devices where id = $1', [
      account.device,
    ]);
    expect(rows[0].name.includes(Buffer.from(name))).toBe(false);
    // A name moved to another row is not read as that row's.
    const other = await auth.register(freshName());
    await platform.database.pool.query('update devices set name = $1 where id = $2', [
      rows[0].name,
      other.device,
    ]);
    expect((await auth.send(listDevices, bearer(other))).status).toBe(500);
  });

  test('are added for a key, which gives the same device each time', async () => {
    const account = await auth.register(freshName());
    const body = { deviceKey: base64url(makeDeviceKey().publicKey) };
    const answers = await Promise.all(
      [1, 2, 3].map(() => auth.send(addDevice, { ...bearer(account), body })),
    );
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
    const ids = answers.map((answer) => addDevice.response.parse(answer.body).device);
    expect(new Set(ids).size).toBe(1);
    expect((await devicesOf(account)).map(({ device }) => device)).toContain(ids[0]);
    // Somebody else's device may have the key too: that it is published makes it nobody's to take.
    const other = await auth.register(freshName());
    const theirs = await auth.send(addDevice, { ...bearer(other), body });
    expect(addDevice.response.parse(theirs.body).device).not.toBe(ids[0]);
  });

  test.each([
    ['of low order', '0100000000000000000000000000000000000000000000000000000000000000'],
    ['that is no point', '0200000000000000000000000000000000000000000000000000000000000000'],
    ['not canonical', 'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
  ])('are not added for a key %s', async (_, hex) => {
    const account = await auth.register(freshName());
    const body = { deviceKey: base64url(Buffer.from(hex, 'hex')) };
    const problem = await auth.problem(addDevice, { ...bearer(account), body });
    expect(problem).toMatchObject({ code: 'key.key-invalid', status: 422 });
  });

  test('are unlinked with their sessions, and services that keep their keys are told once', async () => {
    const username = freshName();
    const account = await auth.register(username);
    const other = await auth.login({ username, password: PASSWORD });
    const revoke = path(revokeDevice, other.device);
    expect((await auth.send(revoke, bearer(account))).status).toBe(204);
    expect((await auth.send(revoke, bearer(account))).status).toBe(204);
    expect(await statusOf(other)).toBe(401);
    expect((await devicesOf(account)).map(({ device }) => device)).toEqual([account.device]);
    await vi.waitFor(() => {
      expect(retired.filter(({ device }) => device === other.device)).toHaveLength(1);
    }, 20_000);
    const again = { username, password: PASSWORD, device: other.device };
    expect(await auth.problem(login, { body: again })).toMatchObject({
      code: 'auth.device-unknown',
    });
  });

  test('of somebody else are neither renamed nor unlinked', async () => {
    const account = await auth.register(freshName());
    const other = await auth.register(freshName());
    const body = { name: base64url(new Uint8Array(8)) };
    const calls = [
      auth.problem(path(renameDevice, other.device), { ...bearer(account), body }),
      auth.problem(path(revokeDevice, other.device), bearer(account)),
    ];
    for (const problem of await Promise.all(calls)) {
      expect(problem).toMatchObject({ code: 'auth.device-unknown' });
    }
    expect(await statusOf(other)).toBe(200);
  });

  test('that give way at the limit are retired for every service', async () => {
    const username = freshName();
    const first = await auth.register(username);
    for (let more = 1; more < DEVICES_PER_ACCOUNT_MAX; more++) {
      platform.time.now += 1_000;
      await auth.login({ username, password: PASSWORD });
    }
    await auth.login({ username, password: PASSWORD });
    await vi.waitFor(() => {
      expect(retired.filter(({ user }) => user === first.user)).toEqual([
        { user: first.user, device: first.device },
      ]);
    }, 20_000);
  });

  test('that add another one at the limit are not themselves the ones to go', async () => {
    const username = freshName();
    const oldest = await auth.register(username);
    const ids = [oldest.device];
    for (let more = 1; more < DEVICES_PER_ACCOUNT_MAX; more++) {
      platform.time.now += 1_000;
      ids.push((await auth.login({ username, password: PASSWORD })).device);
    }
    const body = { deviceKey: base64url(makeDeviceKey().publicKey) };
    expect((await auth.send(addDevice, { ...bearer(oldest), body })).status).toBe(201);
    const left = (await devicesOf(oldest)).map(({ device }) => device);
    expect(left).toContain(oldest.device);
    expect(left).not.toContain(ids[1]);
  });

  test('that nobody could renew a session of give way before the account is full', async () => {
    const username = freshName();
    const all = [await auth.register(username)];
    const { user } = all[0] as Login;
    platform.time.now += 719 * 3_600_000;
    for (let more = 1; more < DEVICES_PER_ACCOUNT_MAX; more++) {
      platform.time.now += 1_000;
      all.push(await auth.login({ username, password: PASSWORD }));
    }
    const ids = all.map(({ device }) => device);
    await publishKeysOf(user, ids);
    await vi.waitFor(async () => {
      const problem = await auth.problem(login, { body: { username, password: PASSWORD } });
      expect(problem).toMatchObject({ code: 'auth.device-limit' });
    }, 20_000);
    platform.time.now += 2 * 3_600_000;
    const last = await auth.login({ username, password: PASSWORD });
    const left = (await devicesOf(last)).map(({ device }) => device);
    expect(left).toEqual([...ids.slice(1), last.device]);
  });
});
