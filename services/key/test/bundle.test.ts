import { countPrekeys, getBundle } from '@sotto/api';
import { nobleProvider, verifyBundle } from '@sotto/crypto/verify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ISSUED_PREKEYS_KEPT } from '../src/limits.ts';
import {
  linkedDevice,
  newOwner,
  oneTimePrekeys,
  type Publisher,
  publisherOn,
} from './owner.fixture.ts';
import { newDevice, type Platform, startPlatform } from './platform.fixture.ts';

let platform: Platform;
let publish: Publisher;

beforeAll(async () => {
  platform = await startPlatform();
  publish = publisherOn(platform);
});
afterAll(() => platform.close());

test('a bundle is one that a client can start a session from', async () => {
  const owner = newOwner();
  await publish.all(owner, 1);
  const { identityKey, devices } = await publish.bundle(owner.user);
  expect(devices).toHaveLength(1);
  for (const { device, ...keys } of devices) {
    expect(device).toBe(owner.device);
    expect(keys.registrationId).toBe(7);
    const verified = verifyBundle(nobleProvider, { identityKey, ...keys });
    expect(verified.oneTimePrekey?.id).toBe(1);
  }
});

test('64 parallel fetches over two processes give no one-time prekey twice, and all of them', async () => {
  const owner = newOwner();
  const other = linkedDevice(owner);
  await publish.all(owner, 50);
  await publish.all(other, 60);
  const bundles = await Promise.all(
    Array.from({ length: 64 }, (_, index) => publish.bundle(owner.user, { process: index % 2 })),
  );
  for (const [device, stored] of [
    [owner.device, 50],
    [other.device, 60],
  ] as const) {
    const parts = bundles.map((bundle) => bundle.devices.find((part) => part.device === device));
    expect(parts.every((part) => part?.signedPrekey.id === 1)).toBe(true);
    const ids = parts.flatMap((part) => part?.oneTimePrekey?.id ?? []).sort((a, b) => a - b);
    expect(ids).toEqual(Array.from({ length: stored }, (_, index) => index + 1));
  }
  expect(await platform.call(countPrekeys, owner)).toEqual({
    oneTimePrekeys: 0,
    oneTimeMark: 50,
    signedPrekey: 1,
  });
});

test('one-time prekeys leave in order of their ids, then the bundle goes without', async () => {
  const owner = newOwner();
  await publish.all(owner, 0);
  await publish.oneTime(owner, oneTimePrekeys(7, 3).reverse());
  const issued = [];
  for (let fetch = 0; fetch < 4; fetch++) {
    issued.push((await publish.bundle(owner.user)).devices[0]?.oneTimePrekey?.id);
  }
  expect(issued).toEqual([7, 8, 9, undefined]);
});

test('an upload that is repeated as its answers are lost, before and after its prekeys were handed out, brings none back', async () => {
  const owner = newOwner();
  await publish.all(owner, 0);
  const prekeys = oneTimePrekeys(1, 3);
  await publish.oneTime(owner, prekeys);
  expect(await publish.oneTime(owner, prekeys)).toEqual({ available: 3 });
  await publish.bundle(owner.user);
  expect(await publish.oneTime(owner, prekeys)).toEqual({ available: 2 });
  const rest = await Promise.all([1, 2, 3].map(() => publish.bundle(owner.user)));
  const ids = rest.map(({ devices }) => devices[0]?.oneTimePrekey?.id);
  expect(ids.toSorted()).toEqual([2, 3, undefined]);
  expect(await publish.oneTime(owner, prekeys)).toEqual({ available: 0 });
  await expect(publish.oneTime(owner, oneTimePrekeys(1, 3))).rejects.toThrow('key.id-conflict');
});

test('uploads and fetches at the same time issue each prekey once', async () => {
  const owner = newOwner();
  await publish.all(owner, 0);
  const uploads = Array.from({ length: 10 }, (_, index) => oneTimePrekeys(1 + index * 10, 10));
  const sent = new Map(uploads.flat().map(({ id, publicKey }) => [id, publicKey]));
  const uploading = (async () => {
    for (const upload of uploads) {
      await Promise.all([publish.oneTime(owner, upload), publish.oneTime(owner, upload)]);
    }
  })();
  const fetching = Array.from({ length: 120 }, (_, index) =>
    publish.bundle(owner.user, { process: index % 2 }),
  );
  const bundles = await Promise.all(fetching);
  await uploading;
  let left = 100 - bundles.filter(({ devices }) => devices[0]?.oneTimePrekey).length;
  expect((await platform.call(countPrekeys, owner)).oneTimePrekeys).toBe(left);
  while (left-- > 0) bundles.push(await publish.bundle(owner.user));
  const issued = bundles.flatMap(({ devices }) => devices[0]?.oneTimePrekey ?? []);
  expect(new Set(issued.map(({ id }) => id)).size).toBe(100);
  expect(issued).toHaveLength(100);
  for (const { id, publicKey } of issued) {
    expect(Buffer.from(publicKey)).toEqual(Buffer.from(sent.get(id) ?? []));
  }
});

test("a device gets its account's other devices, and gives away no prekey of its own", async () => {
  const owner = newOwner();
  const other = linkedDevice(owner);
  await publish.all(owner, 2);
  await publish.all(other, 2);
  const { devices } = await publish.bundle(owner.user, { asker: owner });
  expect(devices.map(({ device }) => device)).toEqual([other.device]);
  expect(await platform.call(countPrekeys, owner)).toMatchObject({ oneTimePrekeys: 2 });
  expect(await platform.call(countPrekeys, other)).toMatchObject({ oneTimePrekeys: 1 });
});

test('a bundle of one device takes nothing from the others', async () => {
  const owner = newOwner();
  const other = linkedDevice(owner);
  await publish.all(owner, 2);
  await publish.all(other, 2);
  const query = `?device=${other.device}`;
  const { devices } = await publish.bundle(owner.user, { query });
  expect(devices.map(({ device }) => device)).toEqual([other.device]);
  expect(await platform.call(countPrekeys, owner)).toMatchObject({ oneTimePrekeys: 2 });
  const unknown = await publish.bundle(owner.user, { query: `?device=${crypto.randomUUID()}` });
  expect(unknown.devices).toEqual([]);
});

test('a user has no bundle before the identity and the device list', async () => {
  const owner = newOwner();
  const params = { user_id: owner.user };
  expect(await platform.call.problem(getBundle, newDevice(), { params })).toMatchObject({
    code: 'key.identity-unknown',
    status: 404,
  });
  await publish.identity(owner);
  await publish.oneTime(owner, oneTimePrekeys(1, 1));
  await publish.signed(owner);
  expect(await platform.call.problem(getBundle, newDevice(), { params })).toMatchObject({
    code: 'key.list-unknown',
    status: 404,
  });
  expect(await platform.call(countPrekeys, owner)).toMatchObject({ oneTimePrekeys: 1 });
});

test('tombstones are forgotten in time, and their ids still do not come back', async () => {
  const owner = newOwner();
  await publish.all(owner, 0);
  const [first] = oneTimePrekeys(1, 1);
  if (first === undefined) throw new Error('no prekey was made');
  await publish.oneTime(owner, [first]);
  await publish.bundle(owner.user);
  await publish.oneTime(owner, oneTimePrekeys(1 + ISSUED_PREKEYS_KEPT, 1));
  await expect(publish.oneTime(owner, [first])).rejects.toThrow('key.id-conflict');
  expect((await publish.bundle(owner.user)).devices[0]?.oneTimePrekey?.id).toBe(
    1 + ISSUED_PREKEYS_KEPT,
  );
  expect((await publish.bundle(owner.user)).devices[0]?.oneTimePrekey).toBeUndefined();
});
