/** The account's own device list on a platform that was restored, and has lost what came after its backup. */
import { randomUUID } from 'node:crypto';
import { ApiError, DeviceId, publishDeviceList, type UserId } from '@sotto/api';
import { type DeviceList, decodeDeviceList, makeIdentity, signDeviceList } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { beforeEach, expect, test } from 'vitest';
import type { Call } from '../connection/call.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { learnOwnList, type OwnListDeps, ownListHead, republishOwnList } from './own-list.ts';

const user = randomUUID() as UserId;
const [self, kept, lost] = [1, 2, 3].map(() => DeviceId.parse(randomUUID())) as [
  DeviceId,
  DeviceId,
  DeviceId,
];

let deps: OwnListDeps;
/** What the platform has: the devices of its backup, its own list, and every list that it was given since. */
let platform: { devices: DeviceId[]; list: Uint8Array; given: DeviceList[] };

beforeEach(async () => {
  const identity = makeIdentity(nodeProvider);
  const local = { identity, address: { user, device: self }, registrationId: 1 };
  const clock = () => Date.now();
  deps = { store: openMemoryStore(), provider: nodeProvider, local, clock, call };
  const first = sign([self, kept]);
  const second = sign([self, kept, lost], first.head);
  platform = { devices: [self, kept], list: first.encoded, given: [] };
  for (const { encoded } of [first, second]) {
    await deps.store.transaction((transaction) => learnOwnList(deps, transaction, encoded));
  }
});

test('is published as it is to a platform that knows all of its devices', async () => {
  platform.devices.push(lost);
  await republishOwnList(deps);
  expect(namesOf(platform.given)).toEqual([[2, [self, kept, lost]]]);
  expect((await head())?.version).toBe(2);
});

test('is followed by one of the devices that the platform still knows', async () => {
  await republishOwnList(deps);
  expect(namesOf(platform.given)).toEqual([
    [2, [self, kept, lost]],
    [3, [self, kept]],
  ]);
  expect((await head())?.version).toBe(3);
  expect(decodeDeviceList(platform.list).list.version).toBe(3);
});

test('keeps this device when the backup is older than it', async () => {
  platform.devices = [kept, self];
  platform.list = sign([kept]).encoded;
  await republishOwnList(deps);
  expect(namesOf(platform.given).at(-1)).toEqual([3, [self, kept]]);
});

test('is not made shorter by a list that the account has not signed', async () => {
  const stranger = makeIdentity(nodeProvider);
  platform.list = sign([kept], undefined, stranger).encoded;
  await expect(republishOwnList(deps)).rejects.toMatchObject({ code: 'signature.invalid' });
  expect(namesOf(platform.given)).toEqual([[2, [self, kept, lost]]]);
  expect((await head())?.version).toBe(2);
});

/** As the key service does: a list names only devices that have published keys. */
const call = (async (endpoint: { id: string }, input: { body?: { list: Uint8Array } }) => {
  if (endpoint.id !== publishDeviceList.id) return { list: platform.list };
  const encoded = input.body!.list;
  const { list } = decodeDeviceList(encoded);
  platform.given.push(list);
  const isKnown = list.devices.every(({ device }) => platform.devices.includes(device as DeviceId));
  if (!isKnown) throw new ApiError('key.list-invalid');
  platform.list = encoded;
  return { version: list.version, complete: true };
}) as Call;

function sign(
  devices: DeviceId[],
  previous?: ReturnType<typeof signDeviceList>['head'],
  identity = deps.local.identity,
) {
  const deviceKey = new Uint8Array(32);
  const entries = devices.map((device) => ({ device, deviceKey, registrationId: 1 }));
  const next = { user, time: Date.now(), devices: entries, previous };
  return signDeviceList(nodeProvider, identity, next);
}

/** Versions, and the devices in the order of this file. */
function namesOf(lists: readonly DeviceList[]) {
  const order = [self, kept, lost];
  return lists.map(({ version, devices }) => [
    version,
    order.filter((name) => devices.some(({ device }) => device === name)),
  ]);
}

const head = () => deps.store.transaction(ownListHead);
