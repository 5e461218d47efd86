/** The platform against device lists and bundles: only what an account has signed is encrypted for. */
import { randomBytes, randomUUID } from 'node:crypto';
import { type Answer, Bundle, type ConversationId, type DeviceBundle, DeviceId } from '@sotto/api';
import {
  type DeviceEntry,
  decodeDeviceList,
  type Head,
  makeIdentity,
  makeOneTimePrekeys,
  signDeviceList,
  signingKeyPairOf,
  signingSeed,
  verifyDeviceList,
} from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import bad from '@sotto/crypto/vectors/xdh-dr/x25519_bad_public_keys.json' with { type: 'json' };
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import * as z from 'zod/mini';
import { ownListHead } from '../account/own-list.ts';
import { getPeer, IdentityRecord } from '../account/records.ts';
import { type Client, type ClientOptions, createClient } from '../client.ts';
import type { Call } from '../connection/call.ts';
import { createEvents } from '../events.ts';
import { startPlatform } from '../platform/platform.fixture.ts';
import {
  addressedBy,
  type Device,
  type Platform,
} from '../platform/platform-operations.fixture.ts';
import { keys } from '../store/key-space.ts';
import type { Store } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { getRecord } from '../store/stored-record.ts';
import { meetPeers } from './peers.ts';
import { loadLocalParty } from './sessions.ts';

const PASSWORD = 'Secret!23';
const DAY_MS = 24 * 3_600_000;

let platform: Platform;
let clients: Client[];
/** What the platform says instead of a bundle. */
let lie: (bundle: Bundle) => Bundle;

beforeEach(async () => {
  platform = await startPlatform();
  clients = [];
  lie = (bundle) => bundle;
});
afterEach(async () => {
  for (const client of clients) await client.close();
  await platform.close();
});

describe('nothing is sent when a bundle', () => {
  test.each<[string, string, (bundle: Bundle) => Bundle]>([
    ['has a device that the list does not name', 'device.unlisted', withInventedDevice],
    ['has a device under another registration id', 'device.unlisted', withRegistrationId],
    ['has a list that somebody else has signed', 'signature.invalid', withForeignList],
    ['has a list with a changed byte', 'signature.invalid', withChangedList],
    ['has no list', 'encoding.invalid', (bundle) => ({ ...bundle, deviceList: bytes('01') })],
    ['has a prekey signature of somebody else', 'signature.invalid', withForeignPrekey],
  ])('%s', async (_, code, change) => {
    const { alice, bob, conversation } = await pair();
    lie = change;
    await expectRefusal(alice, conversation, code);
    lie = (bundle) => bundle;
    await expectDelivery(bob, conversation);
  });

  const unsound = [
    ...bad.low_order,
    ...bad.low_order_high_bit_set,
    ...bad.non_canonical,
    bad.high_bit_set_same_key,
    ...bad.torsioned_same_dh.map((entry) => entry.public),
  ];

  test(`has one of ${unsound.length} public keys that are no sound ones`, async () => {
    const { aliceStore } = await pair();
    const good = bundleOf('bob');
    for (const hex of unsound) {
      for (const part of ['oneTimePrekey', 'signedPrekey'] as const) {
        const meeting = meet(aliceStore, withKey(good, part, bytes(hex)));
        await expect(meeting, hex).rejects.toMatchObject({ code: expect.stringMatching(/^key\./) });
      }
    }
    const known = await aliceStore.transaction((transaction) => getPeer(transaction, good.user));
    expect(known).toBeUndefined();
    await meet(aliceStore, good);
  });
});

describe('a list that was seen once', () => {
  test('is not taken back, and nothing is sent while the platform shows the older one', async () => {
    const { alice, bob, conversation, bobStore } = await pair();
    const old = platform.lists.get(device('bob').user)!;
    await publishNext(bobStore, 'bob');
    await alice.whenStored((await alice.sendText(conversation, 'by the new list')).id);
    platform.lists.set(device('bob').user, old);
    await meetAgain(alice, bob, conversation);
    await expectRefusal(alice, conversation, 'head.rolled-back');
  });

  test('is the only one of its version', async () => {
    const { alice, bob, conversation, bobStore } = await pair();
    const { user } = device('bob');
    const before = platform.lists.get(user)!;
    await publishNext(bobStore, 'bob');
    await alice.whenStored((await alice.sendText(conversation, 'by the new list')).id);
    platform.lists.set(user, before);
    await publishNext(bobStore, 'bob', { time: 1 });
    await meetAgain(alice, bob, conversation);
    await expectRefusal(alice, conversation, 'head.forked');
  });

  test('by a contact, as its messages say, is asked for before the next send', async () => {
    const { alice, bob, conversation, bobStore } = await pair();
    await alice.whenStored((await alice.sendText(conversation, 'first')).id);
    const inbox = vi.fn();
    alice.on('message', inbox);
    const { user } = device('bob');
    const old = platform.lists.get(user)!;
    await publishNext(bobStore, 'bob');
    const current = platform.lists.get(user)!;
    device('bob').socket!.send(JSON.stringify({ type: 'keys-changed', user, what: 'device-list' }));
    await until(async () => (await bobStore.transaction(ownListHead))?.version === 2);
    await bob.whenStored((await bob.sendText(conversation, 'by the new list')).id);
    await until(() => inbox.mock.calls.length === 1);
    platform.lists.set(device('bob').user, old);
    await expectRefusal(alice, conversation, 'head.rolled-back');
    platform.lists.set(device('bob').user, current);
    await until(async () => (await alice.unsent(conversation)).length === 0);
  });
});

describe('a list', () => {
  test('that should have been signed anew long ago is warned about, and used', async () => {
    const { alice, bob, conversation } = await pair({ clock: () => Date.now() - 20 * DAY_MS });
    const warned = vi.fn();
    alice.on('device-list-warning', warned);
    await alice.whenStored((await alice.sendText(conversation, 'hello')).id);
    const warning = { user: device('bob').user, warning: 'stale' } as const;
    expect(warned).toHaveBeenCalledWith(warning);
    const { notices } = await alice.alarms();
    expect(notices).toEqual([{ kind: 'device-list-warning', ...warning }]);
    await alice.dismissNotice({ ...notices[0]!, warning: 'refused' } as (typeof notices)[0]);
    expect((await alice.alarms()).notices).toEqual(notices);
    await alice.dismissNotice(notices[0]!);
    expect((await alice.alarms()).notices).toEqual([]);
    await expectDelivery(bob, conversation);
  });

  test('from the future is warned about', async () => {
    const { alice, conversation } = await pair({ clock: () => Date.now() + 2 * DAY_MS });
    const warned = vi.fn();
    alice.on('device-list-warning', warned);
    await alice.whenStored((await alice.sendText(conversation, 'hello')).id);
    expect(warned).toHaveBeenCalledWith({ user: device('bob').user, warning: 'ahead' });
  });

  test('that leaves out a device is followed as soon as the platform tells of it', async () => {
    const { alice, conversation, bobStore } = await pair();
    const second = addDevice('bob');
    await publishNext(bobStore, 'bob', { devices: [entryOf('bob'), entryFor(second)] });
    const { id } = await alice.sendText(conversation, 'to both');
    await alice.whenStored(id);
    expect(recipientsOf('alice').toSorted()).toEqual(
      [device('bob').device, second.device].toSorted(),
    );
    await publishNext(bobStore, 'bob', { devices: [entryOf('bob')] });
    platform.devices.splice(platform.devices.indexOf(second), 1);
    const asked = () => platform.calls.filter((call) => call === 'getDeviceList').length;
    const before = asked();
    const frame = { type: 'keys-changed', user: device('bob').user, what: 'device-list' };
    device('alice').socket!.send(JSON.stringify(frame));
    await until(() => asked() > before);
    await until(async () => {
      await alice.whenStored((await alice.sendText(conversation, 'to one')).id);
      return recipientsOf('alice').length === 1;
    });
  });
});

test('a contact with another identity is told of at once, before anything is sent', async () => {
  const { alice, conversation } = await pair();
  await alice.whenStored((await alice.sendText(conversation, 'hello')).id);
  const changed = vi.fn();
  alice.on('identity-changed', changed);
  device('bob').identityKey = makeIdentity(nodeProvider).publicKey;
  const frame = { type: 'keys-changed', user: device('bob').user, what: 'identity' };
  device('alice').socket!.send(JSON.stringify(frame));
  await until(() => changed.mock.calls.length === 1);
  expect(changed).toHaveBeenCalledWith({ user: device('bob').user });
});

function withInventedDevice(bundle: Bundle): Bundle {
  const [known] = bundle.devices;
  const invented = { ...known!, device: DeviceId.parse(randomUUID()) };
  return { ...bundle, devices: [...bundle.devices, invented] };
}

function withRegistrationId(bundle: Bundle): Bundle {
  const devices = bundle.devices.map((known) => ({
    ...known,
    registrationId: (known.registrationId % 16_383) + 1,
  }));
  return { ...bundle, devices };
}

function withForeignList(bundle: Bundle): Bundle {
  const { list } = decodeDeviceList(bundle.deviceList);
  const { encoded } = signDeviceList(nodeProvider, makeIdentity(nodeProvider), {
    ...{ user: list.user, devices: list.devices, time: list.time, previous: undefined },
  });
  return { ...bundle, deviceList: encoded };
}

function withChangedList(bundle: Bundle): Bundle {
  const deviceList = Uint8Array.from(bundle.deviceList);
  deviceList[70]! ^= 1;
  return { ...bundle, deviceList };
}

function withForeignPrekey(bundle: Bundle): Bundle {
  const signature = new Uint8Array(randomBytes(64));
  const devices = bundle.devices.map((known) => ({
    ...known,
    signedPrekey: { ...known.signedPrekey, signature },
  }));
  return { ...bundle, devices };
}

function withKey(
  bundle: Bundle,
  part: 'oneTimePrekey' | 'signedPrekey',
  publicKey: Uint8Array,
): Bundle {
  const [spare] = makeOneTimePrekeys(nodeProvider, { firstId: 1000, count: 1 });
  const oneTimePrekey = { id: spare!.id, publicKey: spare!.keyPair.publicKey as Uint8Array };
  const devices = bundle.devices.map((known) => {
    const whole = { oneTimePrekey, ...known };
    return { ...whole, [part]: { ...whole[part], publicKey } };
  });
  return { ...bundle, devices };
}

/** The bundle of a user's one device. */
function bundleOf(username: string): Bundle {
  const { user, device: name, identityKey, bundle } = device(username);
  const devices = [{ device: name, ...bundle } as DeviceBundle];
  return { user, identityKey: identityKey!, deviceList: platform.lists.get(user)!, devices };
}

/** Has the owner of a store take in a bundle that a platform hands out. */
async function meet(store: Store, bundle: Bundle): Promise<void> {
  const local = await loadLocalParty(store, nodeProvider);
  const call: Call = async (endpoint) => bundle as Answer<typeof endpoint>;
  const deps = { store, local, call, events: createEvents() };
  await meetPeers({ ...deps, provider: nodeProvider, clock: Date.now }, [{ user: bundle.user }]);
}

/** Waits for a refusal with this code after writing a message, which stays unsent. */
async function expectRefusal(client: Client, conversation: ConversationId, code: string) {
  const causes = collectTrouble(client);
  const warned = vi.fn();
  client.on('device-list-warning', warned);
  const sent = sentMessages();
  await client.sendText(conversation, 'not to be sent');
  await until(() => causes.includes(code));
  expect(warned).toHaveBeenCalledWith({ user: device('bob').user, warning: 'refused' });
  expect(sentMessages()).toBe(sent);
  expect((await client.unsent(conversation)).length).toBeGreaterThan(0);
}

async function expectDelivery(to: Client, conversation: ConversationId): Promise<void> {
  await until(async () => (await to.history(conversation)).length > 0);
}

/** Bob's device is asked for anew, as after a refusal of the platform. */
async function meetAgain(alice: Client, bob: Client, conversation: ConversationId) {
  await until(async () => (await bob.history(conversation)).length > 0);
  const { user, device: name } = device('bob');
  const missing = [{ user, device: DeviceId.parse(randomUUID()) }];
  expect(await alice.unsent(conversation)).toEqual([]);
  platform.judge = () => ({
    ...{ type: 'urn:sotto:problem:message.devices-stale', title: '', status: 409 },
    ...{ code: 'message.devices-stale', devices: { missing, unknown: [name] } },
  });
}

function collectTrouble(client: Client): string[] {
  const causes: string[] = [];
  client.on('trouble', ({ error }) => {
    if (error instanceof Error && 'code' in error) causes.push(String(error.code));
  });
  return causes;
}

function sentMessages(): number {
  return platform.rooms.flatMap((room) => room.messages).length;
}

function recipientsOf(username: string): DeviceId[] {
  const sent = platform.rooms.flatMap((room) => room.messages);
  const last = sent.findLast(({ from }) => from.device === device(username).device);
  return addressedBy(last!.message).map((recipient) => recipient.device);
}

interface NextList {
  devices?: readonly DeviceEntry[];
  time?: number;
}

/** What another device of the account would publish. */
async function publishNext(store: Store, username: string, next: NextList = {}): Promise<void> {
  const { user } = device(username);
  const record = await store.transaction((transaction) =>
    getRecord(transaction, keys.identity, IdentityRecord),
  );
  const identity = signingKeyPairOf(nodeProvider, signingSeed<'identity'>(record!.seed));
  const expected = { user, identityKey: identity.publicKey, previous: undefined, now: Date.now() };
  const { list, head } = verifyDeviceList(nodeProvider, platform.lists.get(user)!, expected);
  const previous: Head = head;
  const { devices = list.devices, time = Date.now() } = next;
  const { encoded } = signDeviceList(nodeProvider, identity, { user, previous, time, devices });
  platform.lists.set(user, encoded);
}

/** A second device of a user, with the prekeys of the first: enough to be written to. */
function addDevice(username: string): Device {
  const first = device(username);
  const second = { ...first, device: DeviceId.parse(randomUUID()), cursors: new Map() };
  platform.devices.push(second);
  return second;
}

function entryFor({ device: name, bundle }: Device): DeviceEntry {
  const deviceKey = new Uint8Array(32);
  return { device: name, deviceKey, registrationId: bundle.registrationId! };
}

function entryOf(username: string): DeviceEntry {
  return entryFor(device(username));
}

function device(username: string): Device {
  return platform.devices.find((known) => known.username === username)!;
}

function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

interface Pair {
  alice: Client;
  aliceStore: Store;
  bob: Client;
  bobStore: Store;
  conversation: ConversationId;
}

/** Two people of whom Alice is lied to; nothing was sent yet. */
async function pair(ofBob: Partial<ClientOptions> = {}): Promise<Pair> {
  const aliceStore = openMemoryStore();
  const alice = await enter('alice', { store: aliceStore, fetch: lyingFetch });
  const bobStore = openMemoryStore();
  const bob = await enter('bob', { store: bobStore, ...ofBob });
  const { id } = await alice.openDirect(device('bob').user);
  return { alice, aliceStore, bob, bobStore, conversation: id };
}

const lyingFetch: typeof fetch = async (target, init) => {
  const response = await fetch(target, init);
  if (!String(target).includes('/keys/bundle/') || !response.ok) return response;
  const bundle = z.decode(Bundle, (await response.json()) as z.input<typeof Bundle>);
  return Response.json(z.encode(Bundle, lie(bundle)));
};

async function enter(username: string, options: Partial<ClientOptions> = {}): Promise<Client> {
  const client = makeClient(options);
  await client.register({ username, password: PASSWORD });
  await client.connect();
  return client;
}

function makeClient(options: Partial<ClientOptions>): Client {
  const given = { url: platform.url, store: openMemoryStore(), provider: nodeProvider };
  const client = createClient({ ...given, ...options });
  clients.push(client);
  return client;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const options = { timeout: 15_000, interval: 5 };
  await vi.waitFor(async () => expect(await condition()).toBe(true), options);
}
