/** Device lists of contacts whose identity has changed, as long as nobody has decided whether it is theirs. */
import { UserId } from '@sotto/api';
import {
  decodeDeviceList,
  type Identity,
  makeIdentity,
  makeSignedPrekey,
  SUITE_CLASSIC,
  signDeviceList,
} from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { getPeer } from '../account/records.ts';
import { type Client, createClient } from '../client.ts';
import { startPlatform } from '../platform/platform.fixture.ts';
import type { Device, Platform } from '../platform/platform-operations.fixture.ts';
import type { Store } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';

const PASSWORD = 'Secret!23';

let platform: Platform;
let clients: Client[];
let alice: Client;
let store: Store;
const warned = vi.fn();
const changed = vi.fn();

beforeEach(async () => {
  clients = [];
  warned.mockClear();
  changed.mockClear();
  platform = await startPlatform();
  store = openMemoryStore();
  alice = await enter('alice', store);
  await enter('bob', openMemoryStore());
  const { id: conversation } = await alice.openDirect(bobsUser());
  await alice.whenStored((await alice.sendText(conversation, 'hello')).id);
  alice.on('device-list-warning', warned);
  alice.on('identity-changed', changed);
});
afterEach(async () => {
  for (const client of clients) await client.close();
  await platform.close();
});

describe('the list of an identity that nobody has accepted', () => {
  test('is no refusal, and is read when it was accepted', async () => {
    const before = await knownList();
    replaceIdentity();
    await hearOfList();
    expect(changed).toHaveBeenCalledWith({ user: bobsUser() });
    expect(await knownList()).toEqual(before);
    // Without one that is known nothing is encrypted.
    await alice.acceptIdentity(bobsUser());
    expect(await knownList()).toBeUndefined();
    expect(warned).not.toHaveBeenCalled();
    expect((await alice.alarms()).notices).toEqual([]);
  });

  test('is refused when it is of a third identity', async () => {
    const before = await knownList();
    replaceIdentity();
    signList(makeIdentity(nodeProvider));
    await hearOfList();
    await vi.waitFor(() => expect(warned).toHaveBeenCalledWith(refusal()));
    expect((await alice.alarms()).notices).toEqual([{ kind: 'device-list-warning', ...refusal() }]);
    expect(await knownList()).toEqual(before);
  });
});

test('a list of nobody is refused while the identity is the same', async () => {
  signList(makeIdentity(nodeProvider));
  await hearOfList();
  await vi.waitFor(() => expect(warned).toHaveBeenCalledWith(refusal()));
  expect(changed).not.toHaveBeenCalled();
});

/** The platform tells of the list, and of no identity. Resolves when nothing more comes of it. */
async function hearOfList(): Promise<void> {
  const reads = readsOf('getIdentity');
  const frame = { type: 'keys-changed', user: bobsUser(), what: 'device-list' };
  device('alice').socket!.send(JSON.stringify(frame));
  await vi.waitFor(() => expect(readsOf('getIdentity')).toBeGreaterThan(reads));
  await vi.waitFor(() =>
    expect(changed.mock.calls.length + warned.mock.calls.length).toBeGreaterThan(0),
  );
}

/** Bob's account as it is after he has made another identity elsewhere. */
function replaceIdentity(): void {
  const identity = makeIdentity(nodeProvider);
  const { bundle } = device('bob');
  const made = makeSignedPrekey(nodeProvider, identity, { id: 2, suites: [SUITE_CLASSIC] });
  const { id, suites, signature, keyPair } = made;
  bundle.signedPrekey = { id, suites: [...suites], signature, publicKey: keyPair.publicKey };
  device('bob').identityKey = identity.publicKey;
  signList(identity);
}

function signList(identity: Identity): void {
  const { list } = decodeDeviceList(platform.lists.get(bobsUser())!);
  const { user, devices } = list;
  const next = { user, devices, time: Date.now(), previous: undefined };
  platform.lists.set(bobsUser(), signDeviceList(nodeProvider, identity, next).encoded);
}

async function knownList() {
  return (await store.transaction((transaction) => getPeer(transaction, bobsUser())))?.list;
}

const refusal = () => ({ user: bobsUser(), warning: 'refused' }) as const;

const readsOf = (operation: string) => platform.calls.filter((call) => call === operation).length;

const bobsUser = () => UserId.parse(device('bob').user);

function device(username: string): Device {
  return platform.devices.find((known) => known.username === username)!;
}

async function enter(username: string, own: Store): Promise<Client> {
  const client = createClient({ url: platform.url, store: own, provider: nodeProvider });
  clients.push(client);
  await client.register({ username, password: PASSWORD });
  await client.connect();
  return client;
}
