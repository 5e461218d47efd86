/** Accounts through the SDK on the platform as users run it: bound sessions, what a thief can do, devices and passwords. */
import type { ConversationId } from '@sotto/api';
import {
  type Client,
  type ClientOptions,
  createClient,
  type Registered,
  type Store,
} from '@sotto/client';
import { nodeProvider } from '@sotto/crypto/node';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { freePort, type Standalone, startStandalone } from '../cluster.ts';
import { accessTokenOf, copyStore, openLastingStore } from './stores.ts';

const PASSWORD = 'Correct-Horse-7';
const NEW_PASSWORD = 'Another-Horse-8';
const HOUR_MS = 3_600_000;

/** Tests come from one address, and one account does in seconds what others do in a day. */
const LIMITS = {
  LIMITS_REGISTER_PER_HOUR_PRIVATE: '1000',
  LIMITS_CHALLENGE_PER_MINUTE: '1000',
  LIMITS_USER_PER_MINUTE: '100000',
};

let platform: Standalone;
let environment: Record<string, string>;
const clients = new Set<Client>();
let people = 0;

beforeAll(async () => {
  environment = { ...LIMITS, SERVER_PORT: String(await freePort()) };
  platform = await startStandalone({ environment });
});
afterAll(() => platform?.close());
afterEach(async () => {
  for (const client of clients) await client.close();
  clients.clear();
});

test('a session is bound to its device, and ends when it is told to', async () => {
  const { client, username } = await enter();
  expect(await client.sessions()).toMatchObject([{ bound: true, current: true }]);
  const second = open();
  await second.login({ username, password: PASSWORD });
  const sessions = await client.sessions();
  expect(sessions).toMatchObject([{ current: false }, { current: true }]);
  await client.endSession(sessions[0]!.session);
  await client.endSession(sessions[0]!.session);
  expect(await client.sessions()).toHaveLength(1);
});

test('a program that wants no proofs does without, until its device has shown a key', async () => {
  const { username, store, client, device } = await enter({ proofs: false });
  expect(await client.sessions()).toMatchObject([{ bound: false }]);
  await client.renameDevice(device, 'robot');
  await client.close();
  const careful = open({ store });
  await careful.login({ username, password: PASSWORD });
  expect(await careful.sessions()).toMatchObject([{ bound: true }]);
  await careful.close();
  const careless = open({ store, proofs: false });
  await careless.login({ username, password: PASSWORD });
  expect(await careless.sessions()).toMatchObject([{ bound: true }]);
});

test('a program that has shown no key comes back by it once the platform knows one', async () => {
  const { username, store, client, device } = await enter({ proofs: false });
  await client.connect();
  await client.close();
  const copy = await copyStore(store);
  const careful = open({ store });
  await careful.login({ username, password: PASSWORD });
  const careless = open({ store: copy, proofs: false });
  expect(await careless.login({ username, password: PASSWORD })).toMatchObject({ device });
  expect(await careless.sessions()).toMatchObject([{ bound: true, device }]);
});

test('a device that has lost its key, or was taken off, comes back as another one by the password', async () => {
  const bob = await enter();
  const alice = await enter();
  await bob.client.connect();
  await alice.client.connect();
  const warned: unknown[] = [];
  bob.client.on('identity-changed', (event) => warned.push(event));
  const { id: conversation } = await bob.client.openDirect(alice.user);
  await bob.client.whenStored((await bob.client.sendText(conversation, 'one')).id);
  await received(alice.client, conversation, 'one');
  await alice.client.close();

  const keyless = await copyStore(alice.store, ['device-key']);
  const second = open({ store: keyless });
  const me = await second.login({ username: alice.username, password: PASSWORD });
  expect(me.device).not.toBe(alice.device);
  await second.connect();
  await bob.client.whenStored((await bob.client.sendText(conversation, 'two')).id);
  await received(second, conversation, 'two');
  await second.unlink(me.device);
  await expect(second.login()).rejects.toMatchObject({ code: 'auth.challenge-wrong' });

  // The key is that of a device which is gone, and a new one all the same.
  const third = await second.login({ username: alice.username, password: PASSWORD });
  expect([alice.device, me.device]).not.toContain(third.device);
  await second.connect();
  await second.whenStored((await second.sendText(conversation, 'three')).id);
  await received(bob.client, conversation, 'three');
  await bob.client.whenStored((await bob.client.sendText(conversation, 'four')).id);
  await received(second, conversation, 'four');
  expect(warned).toEqual([]);
}, 90_000);

test('a device that was taken off comes back to a group that has gone on, and is no stale copy', async () => {
  const [alice, bob, carol] = [await enter(), await enter(), await enter()];
  for (const { client } of [alice, bob, carol]) await client.connect();
  const { id } = await bob.client.groups.create({ members: [alice.user, carol.user] });
  await bob.client.whenStored((await bob.client.sendText(id, 'before')).id);
  await received(alice.client, id, 'before');
  await alice.client.unlink(alice.device);
  await bob.client.whenStored((await bob.client.sendText(id, 'meanwhile')).id);
  await received(carol.client, id, 'meanwhile');

  const behind = vi.fn();
  alice.client.on('store-behind', behind);
  await alice.client.login({ username: alice.username, password: PASSWORD });
  await alice.client.connect();
  await alice.client.whenStored((await alice.client.sendText(id, 'back')).id);
  await received(bob.client, id, 'back');
  await bob.client.whenStored((await bob.client.sendText(id, 'after')).id);
  await received(alice.client, id, 'after');
  expect(behind).not.toHaveBeenCalled();
  const texts = (await alice.client.history(id)).flatMap((item) =>
    item.type === 'message' && item.content.type === 'text' ? [item.content.text] : [],
  );
  expect(texts).toEqual(['before', 'meanwhile', 'back', 'after']);
}, 90_000);

test('devices have names that only the account reads, and one that is taken off is out at once', async () => {
  const { client, username, store } = await enter();
  const [own] = await client.devices();
  expect(own).toMatchObject({ current: true, device: (await client.me())?.device });
  expect(own).not.toHaveProperty('name');
  await client.renameDevice(own!.device, 'Büro ☕');
  expect(await client.devices()).toMatchObject([{ name: 'Büro ☕' }]);
  const token = await accessTokenOf(store);
  const listed = await fetch(`${platform.url}/api/v1/auth/devices`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect(await listed.text()).not.toContain('Büro');

  const lost = open();
  await lost.login({ username, password: PASSWORD });
  expect(await lost.devices()).toHaveLength(2);
  const loggedOut: unknown[] = [];
  lost.on('logged-out', (event) => loggedOut.push(event));
  await client.connect();
  await client.unlink((await lost.me())!.device);
  await expect(lost.sessions()).rejects.toMatchObject({ code: 'account.logged-out' });
  expect(loggedOut).toHaveLength(1);
  await expect(lost.login()).rejects.toMatchObject({ code: 'auth.challenge-wrong' });
  expect(await client.devices()).toHaveLength(1);
});

test('a device comes back by its key: when it asks to, and when it has ended its own session', async () => {
  const { client, user } = await enter();
  await client.logout();
  await expect(client.sessions()).rejects.toMatchObject({ code: 'account.logged-out' });
  expect(await client.login()).toMatchObject({ user });
  const [current] = await client.sessions();
  await client.endSession(current!.session);
  const calls = await Promise.all([client.sessions(), client.devices(), client.sessions()]);
  expect(calls[0]).toMatchObject([{ current: true, bound: true }]);
  expect(calls[0][0]!.session).not.toBe(current!.session);
});

test('a stolen access token changes nothing of keys, devices or the account', async () => {
  const { client, store, device } = await enter();
  const token = await accessTokenOf(store);
  const body = { password: PASSWORD, currentPassword: PASSWORD, newPassword: NEW_PASSWORD };
  const attempts = [
    ['POST', '/auth/password', body],
    ['POST', '/auth/recovery-code', body],
    ['POST', '/auth/account/delete', body],
    ['POST', '/auth/logout-everywhere', undefined],
    ['GET', '/auth/export', undefined],
    ['POST', '/auth/devices', { deviceKey: 'A'.repeat(43) }],
    ['PATCH', `/auth/devices/${device}`, { name: 'AAAA' }],
    ['DELETE', `/auth/devices/${device}`, undefined],
    ['POST', '/keys/identity', { identityKey: 'A'.repeat(43), registrationId: 1 }],
    ['POST', '/keys/one-time-prekeys', { prekeys: [] }],
    ['PUT', '/keys/device-list', { deviceList: 'AAAA' }],
    ['POST', '/ws/tickets', undefined],
  ] as const;
  for (const [method, path, given] of attempts) {
    for (const scheme of ['Bearer', 'DPoP']) {
      const answer = await fetch(`${platform.url}/api/v1${path}`, {
        method,
        headers: {
          authorization: `${scheme} ${token}`,
          ...(given && { 'content-type': 'application/json' }),
        },
        ...(given && { body: JSON.stringify(given) }),
      });
      const { code } = (await answer.json()) as { code: string };
      expect([method, path, scheme, code]).toEqual([method, path, scheme, 'auth.proof-missing']);
    }
  }
  expect(await client.devices()).toHaveLength(1);
});

test('whoever has the tokens but not the device key can neither use nor renew nor end them', async () => {
  const { client, store, device } = await enter();
  const stolen = await copyStore(store, ['device-key']);
  const thief = open({ store: stolen });
  await expect(thief.renameDevice(device, 'mine')).rejects.toMatchObject({
    code: 'auth.proof-invalid',
  });
  await expect(thief.login()).rejects.toMatchObject({ code: 'auth.challenge-wrong' });
  const later = open({ store: await copyStore(stolen), clock: () => Date.now() + HOUR_MS });
  await expect(later.sessions()).rejects.toMatchObject({ code: 'auth.proof-invalid' });
  await client.close();
  const owner = open({ store, clock: () => Date.now() + HOUR_MS });
  expect(await owner.sessions()).toMatchObject([{ current: true, bound: true }]);
});

test.each([-600_000, 600_000])(
  'a machine whose clock is off by %i ms registers, comes back and changes things',
  async (offMs) => {
    const { client, device } = await enter({ clock: () => Date.now() + offMs });
    await client.logout();
    await client.login();
    await client.renameDevice(device, 'late');
    expect(await client.devices()).toMatchObject([{ name: 'late' }]);
  },
);

test('a platform that comes back with other nonces is asked again, and nobody notices', async () => {
  const { client, device } = await enter();
  await client.renameDevice(device, 'before');
  const { dataDirectory, close } = platform;
  await platform.kill();
  const secret = { INTERNAL_SECRET: 'another-internal-secret-of-the-tests-0123456789' };
  environment = { ...environment, ...secret };
  platform = { ...(await startStandalone({ dataDirectory, environment })), close };
  await client.renameDevice(device, 'after');
  expect(await client.devices()).toMatchObject([{ name: 'after' }]);
});

test('a forgotten password is replaced by the recovery code, once, on this device or a new one', async () => {
  const { client, username, device, recoveryCode } = await enter();
  const again = open();
  const recovered = await again.recover({ username, recoveryCode, newPassword: NEW_PASSWORD });
  expect(recovered.recoveryCode).not.toBe(recoveryCode);
  const spent = open().recover({ username, recoveryCode, newPassword: PASSWORD });
  await expect(spent).rejects.toMatchObject({ code: 'auth.recovery-wrong' });
  const code = await again.renewRecoveryCode(NEW_PASSWORD);
  const here = { username, recoveryCode: code, newPassword: PASSWORD };
  expect(await client.recover(here)).toMatchObject({ device, username });
  expect(await client.sessions()).toMatchObject([{ current: true, bound: true }]);
});

test('a changed password ends the other sessions, and a deleted account is gone', async () => {
  const { client, username } = await enter();
  const other = open();
  await other.login({ username, password: PASSWORD });
  const wrong = { currentPassword: NEW_PASSWORD, newPassword: PASSWORD };
  await expect(client.changePassword(wrong)).rejects.toMatchObject({
    code: 'auth.credentials-wrong',
  });
  await client.changePassword({ currentPassword: PASSWORD, newPassword: NEW_PASSWORD });
  expect(await client.sessions()).toMatchObject([{ current: true }]);
  await expect(other.sessions()).rejects.toMatchObject({ code: 'account.logged-out' });
  await expect(other.login()).rejects.toMatchObject({ code: 'auth.challenge-wrong' });
  const exported = await client.exportData();
  expect(exported).toMatchObject({ user: (await client.me())!.user });
  expect(JSON.stringify(exported.services)).toContain(username);
  await client.deleteAccount(NEW_PASSWORD);
  await expect(client.sessions()).rejects.toMatchObject({ code: 'account.logged-out' });
  await expect(client.login()).rejects.toMatchObject({ code: 'auth.challenge-wrong' });
  const stranger = open().login({ username, password: NEW_PASSWORD });
  await expect(stranger).rejects.toMatchObject({ code: 'auth.credentials-wrong' });
});

test('log-out everywhere ends every session for good: other devices come back by a password only', async () => {
  const { client, username, recoveryCode } = await enter();
  const others = [open(), open(), open({ proofs: false })] as const;
  for (const other of others) await other.login({ username, password: PASSWORD });
  const [first, second] = others;
  const { device } = (await second.me())!;
  const loggedOut: unknown[] = [];
  first.on('logged-out', (event) => loggedOut.push(event));
  await first.connect();
  await client.logoutEverywhere();
  await expect(client.sessions()).rejects.toMatchObject({ code: 'account.logged-out' });
  for (const other of others) {
    await expect(other.sessions()).rejects.toMatchObject({ code: 'account.logged-out' });
  }
  expect(loggedOut).toHaveLength(1);
  await expect(first.login()).rejects.toMatchObject({ code: 'auth.challenge-wrong' });
  await first.login({ username, password: PASSWORD });
  expect(await first.sessions()).toMatchObject([{ current: true, bound: true }]);
  await first.logout();
  expect(await first.login()).toMatchObject({ username });
  const recovery = { username, recoveryCode, newPassword: NEW_PASSWORD };
  expect(await second.recover(recovery)).toMatchObject({ device });
  expect(await second.sessions()).toMatchObject([{ current: true, bound: true }]);
});

test('a session that is ended from another device is not opened again by itself', async () => {
  const { client, username } = await enter();
  const other = open();
  await other.login({ username, password: PASSWORD });
  const [newest] = await client.sessions();
  await client.endSession(newest!.session);
  await expect(other.sessions()).rejects.toMatchObject({ code: 'account.logged-out' });
  expect(await client.sessions()).toHaveLength(1);
});

async function received(client: Client, conversation: ConversationId, text: string): Promise<void> {
  const check = async () => {
    const texts = (await client.history(conversation)).map((item) =>
      item.type === 'message' && item.content.type === 'text' ? item.content.text : item.type,
    );
    expect(texts).toContain(text);
  };
  await vi.waitFor(check, { timeout: 15_000 });
}

interface Person extends Registered {
  readonly client: Client;
  readonly store: Store;
}

async function enter(options: Partial<ClientOptions> = {}): Promise<Person> {
  const store = openLastingStore();
  const client = open({ store, ...options });
  const username = `alice${Date.now()}${++people}`;
  const registered = await client.register({ username, password: PASSWORD });
  return { client, store, ...registered };
}

function open(options: Partial<ClientOptions> = {}): Client {
  const { url } = platform;
  const store = openLastingStore();
  const client = createClient({ url, store, provider: nodeProvider, ...options });
  clients.add(client);
  return client;
}
