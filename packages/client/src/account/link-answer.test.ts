/** The old device's side of linking, begun twice: the device that it links is not to pay for that. */
import {
  ApiError,
  addDevice,
  ConversationId,
  DeviceId,
  getDeviceList,
  revokeDevice,
  sendProvisioning,
  UserId,
} from '@sotto/api';
import {
  makeAgreementKeyPair,
  makeIdentity,
  makeSigningKeyPair,
  PROVISION_CONTACTS_MAX,
  signDeviceList,
} from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { openProvision, type ProvisionedContact } from '@sotto/crypto/provisioning';
import { beforeEach, expect, test } from 'vitest';
import { ALICE, ALICES_DEVICE, BOB, BOBS_DEVICE, settle } from '../backup/archive.fixture.ts';
import type { Call } from '../connection/call.ts';
import { createEvents } from '../events.ts';
import { ConversationRecord } from '../messages/conversation-record.ts';
import { keys } from '../store/key-space.ts';
import type { Store } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { sealStore } from '../store/store-sealed.ts';
import { putRecord } from '../store/stored-record.ts';
import { completeLink, createLinking } from './link-answer.ts';
import { encodeLinkCode } from './link-code.ts';
import type { OwnDeviceDeps } from './own-device.ts';
import { Peer, sameBytes } from './records.ts';

const PHONE = DeviceId.parse(BOBS_DEVICE);

/** Of the device that shows the code. */
const ephemeral = makeAgreementKeyPair<'provisioning'>(nodeProvider);
const deviceKey = makeSigningKeyPair<'device'>(nodeProvider).publicKey;

let deps: OwnDeviceDeps;
let code: string;
/** What the platform was asked for, what lies in the channel, and whether the device that found it there has joined. */
let platform: { calls: string[]; left: Uint8Array | undefined; hasJoined: boolean };
/** Holds up the answers to `addDevice`. */
let mayAdd: () => Promise<void>;

beforeEach(async () => {
  const store = openMemoryStore();
  await settle(store, nodeProvider);
  await store.transaction((it) => it.delete(keys.ownList));
  const identity = makeIdentity(nodeProvider);
  const local = { identity, address: { user: ALICE, device: ALICES_DEVICE }, registrationId: 1 };
  const { signal } = new AbortController();
  const events = createEvents();
  deps = { store, provider: nodeProvider, local, clock: Date.now, call, signal, events };
  code = encodeLinkCode({ ephemeralKey: ephemeral.publicKey, deviceKey });
  platform = { calls: [], left: undefined, hasJoined: false };
  mayAdd = async () => {};
});

test('completed by two processes at once, it is one answer, and the device is linked', async () => {
  const both = Promise.withResolvers<void>();
  mayAdd = () => {
    if (countOf(addDevice) === 2) both.resolve();
    return both.promise;
  };
  const outcomes = await Promise.all([completeLink(deps, code), completeLink(deps, code)]);
  expect(outcomes).toEqual([{ device: PHONE }, { device: PHONE }]);
  expect(countOf(revokeDevice)).toBe(0);
});

test('completed again by one client, it is done once', async () => {
  const complete = createLinking();
  const outcomes = await Promise.all([complete(deps, code), complete(deps, ` ${code}\n`)]);
  expect(outcomes).toEqual([{ device: PHONE }, { device: PHONE }]);
  expect(countOf(addDevice)).toBe(1);
  await expect(complete(deps, code)).rejects.toMatchObject({ code: 'link.used' });
});

test('a process that comes too late leaves the device alone that another one has linked', async () => {
  const linked = Promise.withResolvers<void>();
  mayAdd = () => linked.promise;
  const late = completeLink(deps, code);
  await expect.poll(() => countOf(addDevice)).toBe(1);
  mayAdd = async () => {};
  await completeLink(deps, code);
  linked.resolve();
  await expect(late).rejects.toMatchObject({ code: 'link.used' });
  expect(countOf(revokeDevice)).toBe(0);
});

test('a device that was made for a code that somebody else has answered goes', async () => {
  platform.left = new Uint8Array(9);
  await expect(completeLink(deps, code)).rejects.toMatchObject({ code: 'link.used' });
  expect(countOf(revokeDevice)).toBe(1);
});

test('what an encrypted store has in an order of its own is handed over in that of ids', async () => {
  const key = nodeProvider.randomBytes(32);
  const store = await sealStore(openMemoryStore(), { secret: { key }, provider: nodeProvider });
  await settle(store, nodeProvider);
  await store.transaction((it) => it.delete(keys.ownList));
  await meet(store, 12);
  deps = { ...deps, store };
  await completeLink(deps, code);
  const users = contactsLeft().map(({ user }) => user);
  expect(users).toHaveLength(13);
  expect(users).toEqual(users.toSorted());
});

test('of more contacts than fit those come along who share a conversation', async () => {
  await meet(deps.store, PROVISION_CONTACTS_MAX);
  const last = userOf(PROVISION_CONTACTS_MAX);
  const group = ConversationId.parse(userOf(9_999));
  const record = { id: group, kind: 'direct' as const, members: [UserId.parse(ALICE), last] };
  await deps.store.transaction((it) =>
    putRecord(it, keys.conversation(group), [ConversationRecord, record]),
  );
  await completeLink(deps, code);
  const users = contactsLeft().map(({ user }) => user);
  expect(users).toHaveLength(PROVISION_CONTACTS_MAX);
  expect(users).toEqual(expect.arrayContaining([BOB, last]));
});

/** So many people with whom there is no conversation. */
function meet(store: Store, count: number): Promise<void> {
  return store.transaction(async (it) => {
    for (let number = 1; number <= count; number++) {
      const user = userOf(number);
      const peer = { user, identityKey: new Uint8Array(32).fill(7), devices: [] };
      await putRecord(it, keys.peer(user), [Peer, peer]);
    }
  });
}

/** Behind all of the fixture's, in the order of ids. */
function userOf(number: number): UserId {
  return UserId.parse(`0fffffff-0000-7000-8000-${String(number).padStart(12, '0')}`);
}

function contactsLeft(): readonly ProvisionedContact[] {
  const message = platform.left ?? expect.fail('nothing was left');
  return openProvision(nodeProvider, { ephemeral, deviceKey }, message).contacts;
}

/** As the platform does: a key has one device, a channel takes one message, and the same again. */
const call = (async (endpoint: { id: string }, input: { body?: { message: Uint8Array } }) => {
  platform.calls.push(endpoint.id);
  if (endpoint.id === getDeviceList.id) return { list: listNow() };
  if (endpoint.id === addDevice.id) {
    await mayAdd();
    return { device: PHONE };
  }
  if (endpoint.id !== sendProvisioning.id) return undefined;
  const { message } = input.body!;
  if (platform.left !== undefined && !sameBytes(platform.left, message)) {
    throw new ApiError('key.channel-taken');
  }
  platform.left = message;
  platform.hasJoined = true;
  return undefined;
}) as Call;

function listNow(): Uint8Array {
  const entry = (device: DeviceId) => ({
    device,
    deviceKey: new Uint8Array(32),
    registrationId: 1,
  });
  const sign = (devices: DeviceId[], previous?: ReturnType<typeof signDeviceList>['head']) =>
    signDeviceList(nodeProvider, deps.local.identity, {
      ...{ user: ALICE, time: 1_000, previous },
      devices: devices.map(entry),
    });
  const first = sign([ALICES_DEVICE]);
  return (platform.hasJoined ? sign([ALICES_DEVICE, PHONE], first.head) : first).encoded;
}

function countOf({ id }: { readonly id: string }): number {
  return platform.calls.filter((called) => called === id).length;
}
