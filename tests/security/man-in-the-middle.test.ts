/**
 * A platform that stands between two people: it swaps keys, invents devices, goes back to old lists and shows other key
 * logs. Each time the SDK refuses or warns as DESIGN says, and no message leaves.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ApiError,
  type Bundle,
  type DeviceId,
  downloadFile,
  getBundle,
  getDeviceList,
  getIdentity,
  getKeyLogAccount,
  getKeyLogKeys,
  publishIdentity,
  toProblem,
  type UserId,
} from '@sotto/api';
import {
  type Client,
  type ClientEvents,
  type ClientOptions,
  createClient,
  type Message,
} from '@sotto/client';
import { openSqliteStore } from '@sotto/client/sqlite';
import {
  type Identity,
  makeIdentity,
  makeSignedPrekey,
  makeSigningKeyPair,
  signDeviceList,
  verifyDeviceList,
  verifyingKey,
} from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type KeyLogFixture, makeKeyLog } from '../../packages/client/src/key-log.fixture.ts';
import cctv from '../../packages/crypto/vectors/ed25519-edge/cctv_ed25519vectors.json' with {
  type: 'json',
};
import speccheck from '../../packages/crypto/vectors/ed25519-edge/speccheck_cases.json' with {
  type: 'json',
};
import badKeys from '../../packages/crypto/vectors/xdh-dr/x25519_bad_public_keys.json' with {
  type: 'json',
};
import { type Standalone, startStandalone } from '../cluster.ts';
import { type RewritingProxy, startRewritingProxy } from './rewriting-proxy.ts';

const PASSWORD = 'Correct-Horse-7';
const TEST_MS = 90_000;
const DAY_MS = 24 * 60 * 60 * 1000;
/** Three hundred restarts from one address and one account. */
const LIMITS = {
  LIMITS_REGISTER_PER_HOUR_PRIVATE: '10000',
  LIMITS_USER_PER_MINUTE: '10000',
  LIMITS_SOURCE_PER_MINUTE: '100000',
};

let platform: Standalone;
let proxy: RewritingProxy;
let directory: string;
let clients: Client[];
/** Everything that Alice's client has warned of, in order. */
let heard: [keyof ClientEvents, object][];
let people = 0;

beforeAll(async () => {
  platform = await startStandalone({ environment: LIMITS });
});
afterAll(() => platform?.close());
beforeEach(async () => {
  proxy = await startRewritingProxy(platform.url);
  directory = mkdtempSync(join(tmpdir(), 'sotto middle '));
  clients = [];
  heard = [];
});
afterEach(async () => {
  for (const client of clients) await client.close();
  await proxy.close();
  rmSync(directory, { recursive: true, force: true });
});

test('a client behind the proxy talks as if it were not there', async () => {
  const { alice, bob, conversation } = await pair();
  const { id } = await alice.client.sendText(conversation, 'hello');
  await alice.client.whenStored(id);
  await until(async () => (await textsOf(bob)).length === 1);
  expect(await textsOf(bob)).toEqual(['hello']);
  expect(proxy.sends).toHaveLength(1);
  expect(heard).toEqual([]);
});

test('another identity for somebody whom we never met is not in the key log', async () => {
  const { alice, conversation } = await pair();
  const mallory = makeIdentity(nodeProvider);
  proxy.rewrite(getIdentity, (it) => ({ ...it, identityKey: mallory.publicKey }));
  proxy.rewrite(getBundle, (bundle) => impersonated(bundle, mallory));
  await alice.client.sendText(conversation, 'for Bob alone');
  await untilHeard('key-log-broken');
  expect(heard).toContainEqual([
    'key-log-broken',
    expect.objectContaining({ cause: 'identity.changed' }),
  ]);
  expect(proxy.sends).toEqual([]);
});

test('another identity for somebody whom we know is told, and nothing is sent', async () => {
  const { alice, bob, conversation } = await acquainted();
  const mallory = makeIdentity(nodeProvider);
  proxy.rewrite(getBundle, (bundle) => impersonated(bundle, mallory));
  refuseFor(bob.user, randomUUID() as DeviceId);
  await alice.client.sendText(conversation, 'for Bob alone');
  await untilHeard('identity-changed');
  expect(proxy.sends).toEqual([]);
});

test('an identity that the platform swaps as if its owner had is not in the key log either, once accepted', async () => {
  const { alice, bob, conversation } = await acquainted();
  const mallory = makeIdentity(nodeProvider);
  proxy.rewrite(getIdentity, (it) => ({ ...it, identityKey: mallory.publicKey }));
  proxy.rewrite(getBundle, (bundle) => impersonated(bundle, mallory));
  refuseFor(bob.user, randomUUID() as DeviceId);
  await alice.client.sendText(conversation, 'for Bob alone');
  await untilHeard('identity-changed');
  await alice.client.acceptIdentity(bob.user);
  await untilHeard('key-log-broken');
  expect(proxy.sends).toEqual([]);
});

test('a signed prekey that the identity has not signed is refused', async () => {
  const { alice, conversation } = await pair();
  const mallory = makeIdentity(nodeProvider);
  proxy.rewrite(getBundle, (bundle) => ({
    ...bundle,
    devices: impersonated(bundle, mallory).devices,
  }));
  await alice.client.sendText(conversation, 'for Bob alone');
  await untilHeard('device-list-warning');
  await untilTrouble('signature.invalid');
  expect(proxy.sends).toEqual([]);
});

test('a device that the account has not signed is refused in a bundle', async () => {
  const { alice, conversation } = await pair();
  proxy.rewrite(getBundle, (bundle) => withInvented(bundle));
  await alice.client.sendText(conversation, 'for Bob alone');
  await untilHeard('device-list-warning');
  await untilTrouble('device.unlisted');
  expect(proxy.sends).toEqual([]);
});

test('a device that the account has not signed is refused when a send is refused for lack of it', async () => {
  const { alice, bob, conversation } = await acquainted();
  const invented = randomUUID() as DeviceId;
  proxy.rewrite(getBundle, (bundle) => ({
    ...bundle,
    devices: [withInvented(bundle, invented).devices.at(-1)!],
  }));
  refuseFor(bob.user, invented);
  await alice.client.sendText(conversation, 'for Bob alone');
  await untilHeard('device-list-warning');
  await untilTrouble('device.unlisted');
  expect(proxy.sends).toEqual([]);
});

test('an invented device of our own account is refused', async () => {
  const { alice, conversation } = await acquainted();
  await link(alice);
  const invented = randomUUID() as DeviceId;
  proxy.rewrite(getBundle, (bundle) => withInvented(bundle, invented));
  refuseFor(alice.user, invented);
  await alice.client.sendText(conversation, 'for Bob alone');
  await untilHeard('device-list-warning');
  await untilTrouble('device.unlisted');
  expect(proxy.sends).toEqual([]);
});

test('an older device list than one seen is refused', { timeout: TEST_MS }, async () => {
  const { alice, bob, conversation } = await pair();
  let old: Uint8Array | undefined;
  proxy.rewrite(getBundle, (bundle) => {
    old ??= bundle.deviceList;
    return bundle;
  });
  await alice.client.whenStored((await alice.client.sendText(conversation, 'hello')).id);
  const phone = await link(bob);
  const told = await alice.client.sendText(conversation, 'for both');
  await alice.client.whenStored(told.id);
  await until(async () => (await textsOf(phone)).includes('for both'));
  proxy.sends.length = 0;
  proxy.rewrite(getBundle, (bundle) => ({ ...bundle, deviceList: old! }));
  proxy.rewrite(getDeviceList, () => ({ list: old! }));
  refuseFor(bob.user, phone.device);
  proxy.tell({ type: 'keys-changed', user: bob.user, what: 'device-list' });
  await untilHeard('device-list-warning');
  await untilTrouble('head.rolled-back');
  expect(proxy.sends).toEqual([]);
});

test('a list that was held back for two weeks is warned of', async () => {
  const late = () => Date.now() + 15 * DAY_MS;
  const { alice, bob, conversation } = await pair({ clock: late });
  await alice.client.sendText(conversation, 'hello');
  await untilHeard('device-list-warning');
  expect(heard).toContainEqual(['device-list-warning', { user: bob.user, warning: 'stale' }]);
});

test('a key log that forks stops everything', async () => {
  const log = makeKeyLog();
  let shown = log;
  let asked = 0;
  showLog(proxy, () => {
    asked += 1;
    return shown;
  });
  const { alice, conversation } = await acquainted();
  const fork = log.fork();
  log.append(randomUUID(), makeIdentity(nodeProvider).publicKey);
  const before = asked;
  await restart(alice);
  await until(async () => asked > before);
  for (let more = 0; more < 2; more++) {
    fork.append(randomUUID(), makeIdentity(nodeProvider).publicKey);
  }
  shown = fork;
  await restart(alice);
  await untilHeard('key-log-broken');
  expect(heard).toContainEqual(['key-log-broken', { cause: 'proof.invalid' }]);
  shown = log;
  await alice.client.sendText(conversation, 'for Bob alone');
  await untilTrouble('key-log.broken');
  expect(proxy.sends).toEqual([]);
});

test('two people who are shown different key logs find out by their messages', async () => {
  const his = await startRewritingProxy(platform.url);
  try {
    const [logs, other] = [makeKeyLog(), makeKeyLog()];
    showLog(proxy, () => logs);
    showLog(his, () => other);
    const alice = await enter('alice', proxy.url);
    const bob = await enter('bob', his.url);
    watch(alice.client);
    const { id } = await bob.client.openDirect(alice.user);
    await bob.client.whenStored((await bob.client.sendText(id, 'hello')).id);
    await until(async () => (await textsOf(alice)).length === 1);
    await alice.client.sendText(id, 'for Bob alone');
    await untilHeard('key-log-broken');
    expect(heard).toContainEqual(['key-log-broken', { user: bob.user, cause: 'head.forked' }]);
    expect(proxy.sends).toEqual([]);
  } finally {
    for (const client of clients.splice(0)) await client.close();
    await his.close();
  }
});

test('a leaf that was rewritten is not in the tree', async () => {
  const { alice, conversation } = await pair();
  proxy.rewrite(getKeyLogAccount, (answer) => ({
    ...answer,
    leaves: answer.leaves.map((leaf) =>
      Uint8Array.from(leaf, (byte, at) => (at === 80 ? byte ^ 1 : byte)),
    ),
  }));
  await alice.client.sendText(conversation, 'for Bob alone');
  await untilHeard('key-log-broken');
  expect(heard).toContainEqual(['key-log-broken', { cause: 'proof.invalid' }]);
  expect(proxy.sends).toEqual([]);
});

test('another identity for ourselves in the key log is told at the next start, and nothing is sent', async () => {
  const log = makeKeyLog();
  showLog(proxy, () => log);
  const { alice, conversation } = await acquainted();
  log.append(alice.user, makeIdentity(nodeProvider).publicKey);
  await restart(alice);
  await untilHeard('account-compromised');
  await alice.client.sendText(conversation, 'for Bob alone');
  await untilTrouble('account.compromised');
  expect(proxy.sends).toEqual([]);
});

test('a key log that is withheld keeps us from new contacts, and not from the ones we know', async () => {
  const { alice, bob, conversation } = await pair();
  let isWithheld = true;
  proxy.rewrite(getKeyLogAccount, (answer, { user_id }) => {
    if (isWithheld && user_id === bob.user) throw new ApiError('key.log-unknown');
    return answer;
  });
  await alice.client.sendText(conversation, 'hello');
  await untilTrouble('key.log-unknown');
  expect(proxy.sends).toEqual([]);
  isWithheld = false;
  await until(async () => (await textsOf(bob)).length === 1);
  isWithheld = true;
  await alice.client.sendText(conversation, 'again');
  await until(async () => (await textsOf(bob)).length === 2);
});

test('a file that is not the one sent is not opened', async () => {
  const { alice, bob, conversation } = await acquainted();
  const data = new Blob([new Uint8Array(50_000).fill(7)]);
  await bob.client.sendFile(conversation, {
    name: 'a.bin',
    type: 'application/octet-stream',
    data,
  });
  await until(async () => (await received(alice)).some(({ content }) => content.type === 'file'));
  const message = (await received(alice)).find(({ content }) => content.type === 'file')!;
  proxy.rewriteBytes(downloadFile, (bytes) => {
    bytes[20_000]! ^= 1;
    return bytes;
  });
  await expect(readFile(alice.client, message)).rejects.toThrow();
  proxy.rewriteBytes(downloadFile, (bytes) => bytes.subarray(0, bytes.length - 20_000));
  await expect(readFile(alice.client, message)).rejects.toThrow();
});

test('no unsound key and no loose signature gets a message', { timeout: 300_000 }, async () => {
  const { alice, conversation } = await pair();
  let genuine: Bundle | undefined;
  proxy.rewrite(getBundle, (bundle) => {
    genuine = bundle;
    return withInvented(bundle);
  });
  await alice.client.sendText(conversation, 'for Bob alone');
  await untilHeard('device-list-warning');
  for (const lie of unsoundBundles(genuine!)) {
    heard = [];
    proxy.replace(getBundle, () => lie);
    await restart(alice);
    await until(async () => troubles().length > 0);
    expect([
      'answer.invalid',
      'signature.invalid',
      'key.invalid',
      'key.low-order',
      'key.torsion',
    ]).toContain(troubles()[0]);
  }
  expect(proxy.sends).toEqual([]);
});

interface Person {
  readonly client: Client;
  readonly username: string;
  readonly user: UserId;
  readonly device: DeviceId;
}

/** Alice behind the proxy, Bob before it, and their conversation. */
async function pair(options: Partial<ClientOptions> = {}) {
  const alice = await enter('alice', proxy.url, options);
  watch(alice.client);
  const bob = await enter('bob', platform.url);
  const { id: conversation } = await alice.client.openDirect(bob.user);
  return { alice, bob, conversation };
}

/** The same after a first message has arrived; what the proxy has seen of that is forgotten. */
async function acquainted() {
  const { alice, bob, conversation } = await pair();
  await alice.client.whenStored((await alice.client.sendText(conversation, 'hello')).id);
  await until(async () => (await textsOf(bob)).length === 1);
  proxy.sends.length = 0;
  return { alice, bob, conversation };
}

async function enter(
  name: string,
  url: string,
  options: Partial<ClientOptions> = {},
): Promise<Person> {
  const username = `${name}${Date.now()}${++people}`;
  const client = open(username, url, options);
  const { user, device } = await client.register({ username, password: PASSWORD });
  await client.connect();
  return { client, username, user, device };
}

function open(username: string, url: string, options: Partial<ClientOptions> = {}): Client {
  const store = openSqliteStore(join(directory, `${username}.db`));
  const client = createClient({ url, store, provider: nodeProvider, ...options });
  clients.push(client);
  return client;
}

/** Alice's program ends and starts again. */
async function restart(alice: Person): Promise<void> {
  await clients.shift()?.close();
  const client = open(alice.username, proxy.url);
  clients.unshift(clients.pop()!);
  Object.assign(alice, { client });
  watch(client);
  await client.connect();
}

/** A second device of somebody, linked by a code. */
async function link(person: Person): Promise<Person> {
  const client = open(`${person.username}phone`, platform.url);
  const { code, completed } = await client.beginLink();
  await person.client.completeLink(code);
  const { user, device, username } = await completed;
  await client.connect();
  return { client, user, device, username };
}

function watch(client: Client): void {
  const names = [
    'identity-changed',
    'key-log-broken',
    'account-compromised',
    'device-list-warning',
    'trouble',
  ] as const;
  for (const name of names) client.on(name, (event) => heard.push([name, event]));
}

/** The codes of what went wrong in the background. */
function troubles(): string[] {
  return heard.flatMap(([, event]) =>
    'error' in event ? [String((event.error as { code?: unknown }).code)] : [],
  );
}

function untilTrouble(code: string): Promise<void> {
  return until(async () => troubles().includes(code));
}

function untilHeard(name: keyof ClientEvents): Promise<void> {
  return until(async () => heard.some(([known]) => known === name));
}

/** The first send is refused for lack of a device; what is sent after that goes through. */
function refuseFor(user: UserId, device: DeviceId): void {
  const devices = { missing: [{ user, device }], unknown: [] };
  const problem = toProblem(new ApiError('message.devices-stale', { devices }));
  proxy.intercept = ({ number, message: { id, conversation } }) => {
    proxy.intercept = () => undefined;
    return { type: 'refused', id, conversation, number, problem };
  };
}

/** Has a proxy show a key log of ours. The identities that it sees go by are in it. */
function showLog(shown: RewritingProxy, current: () => KeyLogFixture): void {
  const seen = <T extends { user: UserId; identityKey: Uint8Array }>(answer: T) => {
    identities.set(answer.user, answer.identityKey);
    return answer;
  };
  shown.rewrite(publishIdentity, seen);
  shown.rewrite(getBundle, seen);
  shown.replace(getKeyLogKeys, () => current().keys());
  shown.replace(getKeyLogAccount, ({ user_id = '' }, { from = '1', seen: size = '0' }) => {
    const log = current();
    for (const [user, identityKey] of identities) {
      if (!log.leaves.some((leaf) => leaf.user === user)) log.append(user, identityKey);
    }
    return log.answer(user_id, { from: Number(from), seen: Number(size) });
  });
}

const identities = new Map<UserId, Uint8Array>();

/** A bundle in which every key is Mallory's, with a list that follows on the one that it replaces. */
function impersonated(genuine: Bundle, mallory: Identity): Bundle {
  const { user, devices } = genuine;
  const { publicKey: identityKey } = mallory;
  const { head: previous } = verifyDeviceList(nodeProvider, genuine.deviceList, {
    ...{ user, identityKey: verifyingKey<'identity'>(genuine.identityKey) },
    ...{ previous: undefined, now: Date.now() },
  });
  const forged = devices.map(({ device, registrationId }) => {
    const { id, keyPair, suites, signature } = makeSignedPrekey(nodeProvider, mallory, {
      ...{ id: 1, suites: [1] },
    });
    const signedPrekey = { id, publicKey: keyPair.publicKey, suites: [...suites], signature };
    return { device, registrationId, signedPrekey };
  });
  const entries = forged.map(({ device, registrationId }) => {
    const { publicKey: deviceKey } = makeSigningKeyPair<'device'>(nodeProvider);
    return { device, registrationId, deviceKey };
  });
  const { encoded: deviceList } = signDeviceList(nodeProvider, mallory, {
    ...{ user, time: Date.now(), devices: entries, previous },
  });
  return { user, identityKey, deviceList, devices: forged };
}

/** A bundle with a device more, whose keys are those of another one: signed, and not for it. */
function withInvented(bundle: Bundle, device = randomUUID() as DeviceId): Bundle {
  const [first] = bundle.devices;
  return { ...bundle, devices: [...bundle.devices, { ...first!, device }] };
}

/** A genuine bundle with each key in its place that must never be used, and each signature that only some refuse. */
function* unsoundBundles(genuine: Bundle): Generator<Bundle> {
  const [device] = genuine.devices;
  const withDevice = (changed: Partial<typeof device>) => ({
    ...genuine,
    devices: [{ ...device!, ...changed }],
  });
  const bad = [
    ...badKeys.low_order,
    ...badKeys.low_order_high_bit_set,
    ...badKeys.non_canonical,
    badKeys.high_bit_set_same_key,
    ...badKeys.torsioned_same_dh.map(({ public: key }) => key),
  ].map(bytesOf);
  for (const publicKey of bad) {
    yield withDevice({ oneTimePrekey: { id: 1, publicKey } });
    yield withDevice({ signedPrekey: { ...device!.signedPrekey, publicKey } });
  }
  for (const signature of looseSignatures()) {
    yield withDevice({ signedPrekey: { ...device!.signedPrekey, signature } });
  }
  for (const identityKey of looseKeys()) yield { ...genuine, identityKey };
}

/** Signatures of the speccheck collection, of which strict verifiers accept one, for its own message. */
function looseSignatures(): Uint8Array[] {
  return speccheck.map(({ signature }) => bytesOf(signature));
}

/** Keys of low or mixed order, under which a loose verifier accepts signatures that nobody made. */
function looseKeys(): Uint8Array[] {
  const loose = cctv.filter(({ flags }) => flags?.some((flag) => flag.endsWith('_A')));
  return [...new Set(loose.map(({ key }) => key))].map(bytesOf);
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

async function readFile(client: Client, message: Message): Promise<Uint8Array> {
  const { stream } = await client.openFile(message);
  return new Response(stream).bytes();
}

async function received({ client }: Person): Promise<Message[]> {
  const [conversation] = await client.conversations();
  const items = conversation ? await client.history(conversation.id) : [];
  return items.filter((item) => item.type === 'message').filter(({ own }) => !own);
}

async function textsOf(person: Person): Promise<string[]> {
  return (await received(person)).flatMap(({ content }) =>
    content.type === 'text' ? [content.text] : [],
  );
}

function until(condition: () => Promise<boolean>): Promise<void> {
  return vi.waitFor(async () => expect(await condition()).toBe(true), {
    timeout: 20_000,
    interval: 10,
  });
}
