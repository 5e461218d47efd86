/**
 * A platform that stands between two people: it swaps keys, invents devices, goes back to old lists and shows other key
 * logs. Each time the SDK refuses or warns as DESIGN says, and no message leaves.
 */
import { randomUUID } from 'node:crypto';
import {
  ApiError,
  type Bundle,
  type DeviceId,
  getBundle,
  getDeviceList,
  getIdentity,
  getKeyLogAccount,
} from '@sotto/api';
import { downloadFile } from '@sotto/api/files';
import type { Client, Message } from '@sotto/client';
import { makeIdentity } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { makeKeyLog } from '../../packages/client/src/trust/key-log.fixture.ts';
import { type Standalone, startStandalone } from '../cluster.ts';
import { startRewritingProxy } from './rewriting-proxy.ts';
import { openScene, received, type Scene, textsOf, until } from './scene.ts';
import { impersonated, unsoundBundles, withInvented } from './unsound-bundles.ts';

const TEST_MS = 90_000;
const DAY_MS = 24 * 60 * 60 * 1000;
/** Three hundred restarts from one address and one account. */
const LIMITS = {
  LIMITS_REGISTER_PER_HOUR_PRIVATE: '10000',
  LIMITS_USER_PER_MINUTE: '10000',
  LIMITS_SOURCE_PER_MINUTE: '100000',
};

let platform: Standalone;
let scene: Scene;

beforeAll(async () => {
  platform = await startStandalone({ environment: LIMITS });
});
afterAll(() => platform?.close());
beforeEach(async () => {
  scene = await openScene(platform.url);
});
afterEach(() => scene.close());

test('a client behind the proxy talks as if it were not there', async () => {
  const { alice, bob, conversation } = await scene.pair();
  const { id } = await alice.client.sendText(conversation, 'hello');
  await alice.client.whenStored(id);
  await until(async () => (await textsOf(bob)).length === 1);
  expect(await textsOf(bob)).toEqual(['hello']);
  expect(scene.proxy.sends).toHaveLength(1);
  expect(scene.heard).toEqual([]);
});

test('another identity for somebody whom we never met is not in the key log', async () => {
  const { alice, conversation } = await scene.pair();
  const mallory = makeIdentity(nodeProvider);
  scene.proxy.rewrite(getIdentity, (it) => ({ ...it, identityKey: mallory.publicKey }));
  scene.proxy.rewrite(getBundle, (bundle) => impersonated(bundle, mallory));
  await alice.client.sendText(conversation, 'for Bob alone');
  await scene.untilHeard('key-log-broken');
  expect(scene.heard).toContainEqual([
    'key-log-broken',
    expect.objectContaining({ cause: 'identity.changed' }),
  ]);
  expect(scene.proxy.sends).toEqual([]);
});

test('another identity for somebody whom we know is told, and nothing is sent', async () => {
  const { alice, bob, conversation } = await scene.acquainted();
  const mallory = makeIdentity(nodeProvider);
  scene.proxy.rewrite(getBundle, (bundle) => impersonated(bundle, mallory));
  scene.refuseFor(bob.user, randomUUID() as DeviceId);
  await alice.client.sendText(conversation, 'for Bob alone');
  await scene.untilHeard('identity-changed');
  expect(scene.proxy.sends).toEqual([]);
});

test('an identity that the platform swaps as if its owner had is not in the key log either, once accepted', async () => {
  const { alice, bob, conversation } = await scene.acquainted();
  const mallory = makeIdentity(nodeProvider);
  scene.proxy.rewrite(getIdentity, (it) => ({ ...it, identityKey: mallory.publicKey }));
  scene.proxy.rewrite(getBundle, (bundle) => impersonated(bundle, mallory));
  scene.refuseFor(bob.user, randomUUID() as DeviceId);
  await alice.client.sendText(conversation, 'for Bob alone');
  await scene.untilHeard('identity-changed');
  await alice.client.acceptIdentity(bob.user);
  await scene.untilHeard('key-log-broken');
  expect(scene.proxy.sends).toEqual([]);
});

test('a signed prekey that the identity has not signed is refused', async () => {
  const { alice, conversation } = await scene.pair();
  const mallory = makeIdentity(nodeProvider);
  scene.proxy.rewrite(getBundle, (bundle) => ({
    ...bundle,
    devices: impersonated(bundle, mallory).devices,
  }));
  await alice.client.sendText(conversation, 'for Bob alone');
  await scene.untilHeard('device-list-warning');
  await scene.untilTrouble('signature.invalid');
  expect(scene.proxy.sends).toEqual([]);
});

test('a device that the account has not signed is refused in a bundle', async () => {
  const { alice, conversation } = await scene.pair();
  scene.proxy.rewrite(getBundle, (bundle) => withInvented(bundle));
  await alice.client.sendText(conversation, 'for Bob alone');
  await scene.untilHeard('device-list-warning');
  await scene.untilTrouble('device.unlisted');
  expect(scene.proxy.sends).toEqual([]);
});

test('a device that the account has not signed is refused when a send is refused for lack of it', async () => {
  const { alice, bob, conversation } = await scene.acquainted();
  const invented = randomUUID() as DeviceId;
  scene.proxy.rewrite(getBundle, (bundle) => ({
    ...bundle,
    devices: [withInvented(bundle, invented).devices.at(-1)!],
  }));
  scene.refuseFor(bob.user, invented);
  await alice.client.sendText(conversation, 'for Bob alone');
  await scene.untilHeard('device-list-warning');
  await scene.untilTrouble('device.unlisted');
  expect(scene.proxy.sends).toEqual([]);
});

test('an invented device of our own account is refused', async () => {
  const { alice, conversation } = await scene.acquainted();
  await scene.link(alice);
  const invented = randomUUID() as DeviceId;
  scene.proxy.rewrite(getBundle, (bundle) => withInvented(bundle, invented));
  scene.refuseFor(alice.user, invented);
  await alice.client.sendText(conversation, 'for Bob alone');
  await scene.untilHeard('device-list-warning');
  await scene.untilTrouble('device.unlisted');
  expect(scene.proxy.sends).toEqual([]);
});

test('an older device list than one seen is refused', { timeout: TEST_MS }, async () => {
  const { alice, bob, conversation } = await scene.pair();
  let old: Uint8Array | undefined;
  scene.proxy.rewrite(getBundle, (bundle) => {
    old ??= bundle.deviceList;
    return bundle;
  });
  await alice.client.whenStored((await alice.client.sendText(conversation, 'hello')).id);
  const phone = await scene.link(bob);
  const told = await alice.client.sendText(conversation, 'for both');
  await alice.client.whenStored(told.id);
  await until(async () => (await textsOf(phone)).includes('for both'));
  scene.proxy.sends.length = 0;
  scene.proxy.rewrite(getBundle, (bundle) => ({ ...bundle, deviceList: old! }));
  scene.proxy.rewrite(getDeviceList, () => ({ list: old! }));
  scene.refuseFor(bob.user, phone.device);
  scene.proxy.tell({ type: 'keys-changed', user: bob.user, what: 'device-list' });
  await scene.untilHeard('device-list-warning');
  await scene.untilTrouble('head.rolled-back');
  expect(scene.proxy.sends).toEqual([]);
});

test('a list that was held back for two weeks is warned of', async () => {
  const late = () => Date.now() + 15 * DAY_MS;
  const { alice, bob, conversation } = await scene.pair({ clock: late });
  await alice.client.sendText(conversation, 'hello');
  await scene.untilHeard('device-list-warning');
  expect(scene.heard).toContainEqual(['device-list-warning', { user: bob.user, warning: 'stale' }]);
});

test('a key log that forks stops everything', async () => {
  const log = makeKeyLog();
  let shown = log;
  const asked: number[] = [];
  scene.showLog(scene.proxy, (seen) => {
    if (seen !== undefined) asked.push(seen);
    return shown;
  });
  const { alice, conversation } = await scene.acquainted();
  const fork = log.fork();
  log.append(randomUUID(), makeIdentity(nodeProvider).publicKey);
  // A start that ends too soon keeps nothing of the answer; the next one tells.
  while (asked.at(-1) !== log.leaves.length) {
    const before = asked.length;
    await scene.restart(alice);
    await until(async () => asked.length > before);
  }
  for (let more = 0; more < 2; more++) {
    fork.append(randomUUID(), makeIdentity(nodeProvider).publicKey);
  }
  shown = fork;
  await scene.restart(alice);
  await scene.untilHeard('key-log-broken');
  expect(scene.heard).toContainEqual(['key-log-broken', { cause: 'proof.invalid' }]);
  shown = log;
  await alice.client.sendText(conversation, 'for Bob alone');
  await scene.untilTrouble('key-log.broken');
  expect(scene.proxy.sends).toEqual([]);
});

test('two people who are shown different key logs find out by their messages', async () => {
  const his = await startRewritingProxy(platform.url);
  try {
    const [logs, other] = [makeKeyLog(), makeKeyLog()];
    scene.showLog(scene.proxy, () => logs);
    scene.showLog(his, () => other);
    const alice = await scene.enter('alice', scene.proxy.url);
    const bob = await scene.enter('bob', his.url);
    scene.watch(alice.client);
    const { id } = await bob.client.openDirect(alice.user);
    await bob.client.whenStored((await bob.client.sendText(id, 'hello')).id);
    await until(async () => (await textsOf(alice)).length === 1);
    await alice.client.sendText(id, 'for Bob alone');
    await scene.untilHeard('key-log-broken');
    expect(scene.heard).toContainEqual([
      'key-log-broken',
      { user: bob.user, cause: 'head.forked' },
    ]);
    expect(scene.proxy.sends).toEqual([]);
  } finally {
    await his.close();
  }
});

test('a leaf that was rewritten is not in the tree', async () => {
  const { alice, conversation } = await scene.pair();
  scene.proxy.rewrite(getKeyLogAccount, (answer) => ({
    ...answer,
    leaves: answer.leaves.map((leaf) =>
      Uint8Array.from(leaf, (byte, at) => (at === 80 ? byte ^ 1 : byte)),
    ),
  }));
  await alice.client.sendText(conversation, 'for Bob alone');
  await scene.untilHeard('key-log-broken');
  expect(scene.heard).toContainEqual(['key-log-broken', { cause: 'proof.invalid' }]);
  expect(scene.proxy.sends).toEqual([]);
});

test('another identity for ourselves in the key log is told at the next start, and nothing is sent', async () => {
  const log = makeKeyLog();
  scene.showLog(scene.proxy, () => log);
  const { alice, conversation } = await scene.acquainted();
  log.append(alice.user, makeIdentity(nodeProvider).publicKey);
  await scene.restart(alice);
  await scene.untilHeard('account-compromised');
  await alice.client.sendText(conversation, 'for Bob alone');
  await scene.untilTrouble('account.compromised');
  expect(scene.proxy.sends).toEqual([]);
});

test('a key log that is withheld keeps us from new contacts, and not from the ones we know', async () => {
  const { alice, bob, conversation } = await scene.pair();
  let isWithheld = true;
  scene.proxy.rewrite(getKeyLogAccount, (answer, { user_id }) => {
    if (isWithheld && user_id === bob.user) throw new ApiError('key.log-unknown');
    return answer;
  });
  await alice.client.sendText(conversation, 'hello');
  await scene.untilTrouble('key.log-unknown');
  expect(scene.proxy.sends).toEqual([]);
  isWithheld = false;
  await until(async () => (await textsOf(bob)).length === 1);
  isWithheld = true;
  await alice.client.sendText(conversation, 'again');
  await until(async () => (await textsOf(bob)).length === 2);
});

test('a file that is not the one sent is not opened', async () => {
  const { alice, bob, conversation } = await scene.acquainted();
  const data = new Blob([new Uint8Array(50_000).fill(7)]);
  await bob.client.sendFile(conversation, {
    name: 'a.bin',
    type: 'application/octet-stream',
    data,
  });
  await until(async () => (await received(alice)).some(({ content }) => content.type === 'file'));
  const message = (await received(alice)).find(({ content }) => content.type === 'file')!;
  scene.proxy.rewriteBytes(downloadFile, (bytes) => {
    bytes[20_000]! ^= 1;
    return bytes;
  });
  await expect(readFile(alice.client, message)).rejects.toThrow();
  scene.proxy.rewriteBytes(downloadFile, (bytes) => bytes.subarray(0, bytes.length - 20_000));
  await expect(readFile(alice.client, message)).rejects.toThrow();
});

test('no unsound key and no loose signature gets a message', { timeout: 300_000 }, async () => {
  const { alice, conversation } = await scene.pair();
  let genuine: Bundle | undefined;
  scene.proxy.rewrite(getBundle, (bundle) => {
    genuine = bundle;
    return withInvented(bundle);
  });
  await alice.client.sendText(conversation, 'for Bob alone');
  await scene.untilHeard('device-list-warning');
  for (const lie of unsoundBundles(genuine!)) {
    scene.heard = [];
    scene.proxy.replace(getBundle, () => lie);
    await scene.restart(alice);
    await until(async () => scene.troubles().length > 0);
    expect([
      'answer.invalid',
      'signature.invalid',
      'key.invalid',
      'key.low-order',
      'key.torsion',
    ]).toContain(scene.troubles()[0]);
  }
  expect(scene.proxy.sends).toEqual([]);
});

async function readFile(client: Client, message: Message): Promise<Uint8Array> {
  const { stream } = await client.openFile(message);
  return new Response(stream).bytes();
}
