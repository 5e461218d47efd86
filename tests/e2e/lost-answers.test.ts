/** Answers that are lost on the way, and clients that are killed before they could write one down. */
import { type Client, createClient, type Store } from '@sotto/client';
import { nodeProvider } from '@sotto/crypto/node';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Standalone, startStandalone } from '../cluster.ts';
import { type LossyNetwork, openLossyNetwork } from './lost-answers.ts';
import { openLastingStore, openMortalStore } from './stores.ts';

const PASSWORD = 'Correct-Horse-7';
const NEW_PASSWORD = 'Another-Horse-8';
const HOUR_MS = 3_600_000;
const BROKEN = { code: 'connection.failed' };

let platform: Standalone;
let network: LossyNetwork;
const clients = new Set<Client>();
let people = 0;

beforeAll(async () => {
  const environment = { LIMITS_REGISTER_PER_HOUR_PRIVATE: '1000' };
  platform = await startStandalone({ environment });
});
afterAll(() => platform?.close());
beforeEach(() => {
  network = openLossyNetwork();
});
afterEach(async () => {
  for (const client of clients) await client.close();
  clients.clear();
});

test('a registration whose answer is lost goes on, also when that of the next step is lost too', async () => {
  const client = open(openLastingStore());
  const account = newAccount();
  for (const path of ['register', 'login', 'recovery-code']) {
    network.lose(`/api/v1/auth/${path}`);
    await expect(client.register(account)).rejects.toMatchObject(BROKEN);
  }
  const registered = await client.register(account);
  expect(network.faults).toHaveLength(3);
  await isWorking(client);
  const { username } = account;
  const { recoveryCode } = registered;
  const recovery = { username, recoveryCode, newPassword: NEW_PASSWORD };
  await open(openLastingStore()).recover(recovery);
});

test('a log-in whose answer is lost leaves no second device behind', async () => {
  const account = newAccount();
  const owner = open(openLastingStore());
  await owner.register(account);
  const client = open(openLastingStore());
  network.lose('/api/v1/auth/login');
  await expect(client.login(account)).rejects.toMatchObject(BROKEN);
  await client.login(account);
  expect(network.faults).toHaveLength(1);
  expect(await client.devices()).toHaveLength(2);
  await isWorking(client);
});

test('a renewal whose answer is lost gives the same tokens again', async () => {
  const store = openLastingStore();
  await open(store).register(newAccount());
  const later = open(store, { aheadMs: HOUR_MS });
  network.lose('/api/v1/auth/refresh');
  await expect(later.sessions()).rejects.toMatchObject(BROKEN);
  await isWorking(later);
});

test.each(['challenge', 'login/device'])(
  'coming back by the device key survives the loss of the answer to %s',
  async (path) => {
    const client = open(openLastingStore());
    await client.register(newAccount());
    const [session] = await client.sessions();
    await client.endSession(session!.session);
    network.lose(`/api/v1/auth/${path}`);
    await expect(client.sessions()).rejects.toMatchObject(BROKEN);
    expect(network.faults).toHaveLength(1);
    await isWorking(client);
  },
);

test('a recovery whose answer is lost goes on, also when that of the next step is lost too', async () => {
  const account = newAccount();
  const { username } = account;
  const { recoveryCode } = await open(openLastingStore()).register(account);
  const client = open(openLastingStore());
  const recovery = { username, recoveryCode, newPassword: NEW_PASSWORD };
  for (const path of ['recover', 'login', 'recovery-code']) {
    network.lose(`/api/v1/auth/${path}`);
    await expect(client.recover(recovery)).rejects.toMatchObject(BROKEN);
  }
  const recovered = await client.recover(recovery);
  expect(network.faults).toHaveLength(3);
  expect(await client.devices()).toHaveLength(2);
  const next = { ...recovery, recoveryCode: recovered.recoveryCode };
  await open(openLastingStore()).recover(next);
});

test.each([
  ['taking this device off', 'devices', true],
  ['ending the session of a device', 'sessions', true],
  ['ending a session that has no key', 'sessions', false],
] as const)(
  '%s is done when its answer is lost and it is asked for again',
  async (_, what, proofs) => {
    const store = openLastingStore();
    const client = open(store, { proofs });
    const { device } = await client.register(newAccount());
    await client.connect();
    const { session } = (await client.sessions())[0] ?? expect.fail('there is no session');
    const id = what === 'devices' ? device : session;
    const end = (it: Client) => (what === 'devices' ? it.unlink(device) : it.endSession(session));
    network.lose(`/api/v1/auth/${what}/${id}`);
    await expect(end(client)).rejects.toMatchObject(BROKEN);
    expect(network.faults).toHaveLength(1);
    await client.close();
    // Whoever takes the store over is asked.
    await end(open(store, { proofs }));
  },
);

test.each(['register', 'login', 'refresh', 'recover'])(
  'a client that is killed between the answer to %s and its store goes on after a minute',
  async (step) => {
    const account = newAccount();
    const { username } = account;
    const before = open(openLastingStore());
    const given = step === 'register' ? undefined : await before.register(account);
    const recoveryCode = given?.recoveryCode ?? '';
    const enter = (client: Client) => {
      if (step === 'register') return client.register(account);
      if (step === 'recover') {
        return client.recover({ username, recoveryCode, newPassword: NEW_PASSWORD });
      }
      return client.login(account);
    };
    const store = openLastingStore();
    if (step === 'refresh') await enter(open(store));
    const { store: mortal, kill } = openMortalStore(store);
    network.interrupt(`/api/v1/auth/${step}`, kill);
    const dying = open(mortal, { aheadMs: HOUR_MS });
    await expect(step === 'refresh' ? dying.sessions() : enter(dying)).rejects.toThrow('killed');
    expect(network.faults).toHaveLength(1);
    const restarted = open(store, { aheadMs: HOUR_MS + 60_000 });
    if (step !== 'refresh') await enter(restarted);
    await isWorking(restarted);
    expect(await restarted.devices()).toHaveLength(step === 'register' ? 1 : 2);
  },
);

/** It can do what takes a token, and what takes the device key too. */
async function isWorking(client: Client): Promise<void> {
  const me = await client.me();
  await client.renameDevice(me!.device, 'still here');
  const devices = await client.devices();
  expect(devices.find(({ current }) => current)).toMatchObject({ name: 'still here' });
}

function newAccount() {
  return { username: `bob${Date.now()}${++people}`, password: PASSWORD };
}

function open(store: Store, { aheadMs = 0, proofs = true } = {}): Client {
  const client = createClient({
    url: platform.url,
    store,
    provider: nodeProvider,
    fetch: network.fetch,
    proofs,
    clock: () => Date.now() + aheadMs,
  });
  clients.add(client);
  return client;
}
