/** How often bundles may be fetched, and what becomes of it when Redis does not answer. */
import { countPrekeys, getBundle, getBundles } from '@sotto/api';
import { cuttableWire, testRedis } from '@sotto/runtime/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { newOwner, type Publisher, publisherOn } from './owner.fixture.ts';
import { newDevice, type Platform, startPlatform } from './platform.fixture.ts';

const BURST = 6;
const PER_TARGET = 50;

let platform: Platform;
let publish: Publisher;

beforeAll(async () => {
  platform = await startPlatform({
    environment: {
      LIMITS_BUNDLE_BURST: String(BURST),
      LIMITS_BUNDLE_PER_TARGET: String(PER_TARGET),
    },
  });
  publish = publisherOn(platform);
});
afterAll(() => platform.close());

test('one caller is stopped after a burst, and told when to come again; others are not', async () => {
  const owner = newOwner();
  await publish.all(owner, 20);
  const asker = newDevice();
  for (let fetch = 0; fetch < BURST; fetch++) {
    const { devices } = await publish.bundle(owner.user, { asker });
    expect(devices[0]?.oneTimePrekey?.id).toBe(fetch + 1);
  }
  const params = { user_id: owner.user };
  const problem = await platform.call.problem(getBundle, asker, { params });
  expect(problem).toMatchObject({ code: 'rate.limited', status: 429 });
  expect(problem.retryAfter).toBeGreaterThan(0);
  expect(problem.retryAfter).toBeLessThanOrEqual(600);
  // The user is limited, not the device.
  expect(await platform.call.problem(getBundle, newDevice(asker.user), { params })).toMatchObject({
    code: 'rate.limited',
  });
  const { devices } = await publish.bundle(owner.user);
  expect(devices[0]?.oneTimePrekey?.id).toBe(BURST + 1);
});

test('five hundred callers together cannot take every prekey, and sessions still start', async () => {
  const owner = newOwner();
  await publish.all(owner, 100);
  const bundles = await Promise.all(Array.from({ length: 500 }, () => publish.bundle(owner.user)));
  const taken = bundles.filter(({ devices }) => devices[0]?.oneTimePrekey !== undefined);
  expect(taken).toHaveLength(PER_TARGET);
  expect(bundles.every(({ devices }) => devices[0]?.signedPrekey.id === 1)).toBe(true);
  expect(await platform.call(countPrekeys, owner)).toMatchObject({
    oneTimePrekeys: 100 - PER_TARGET,
  });
});

test('bundles of many users come at once; who has none and who was asked too often is named', async () => {
  const owners = [newOwner(), newOwner()];
  for (const owner of owners) await publish.all(owner, 20);
  const [first, second] = owners.map(({ user }) => user);
  const bare = newOwner();
  await publish.identity(bare);
  const asker = newDevice();
  const nobody = newDevice().user;
  const users = [first, second, nobody, bare.user, first];
  const answer = await platform.call(getBundles, asker, { body: { users } });
  expect(answer.bundles.map(({ user }) => user).toSorted()).toEqual([first, second].toSorted());
  expect(answer.bundles.map(({ devices }) => devices[0]?.oneTimePrekey?.id)).toEqual([1, 1]);
  expect(answer.unknown.toSorted()).toEqual([nobody, bare.user].toSorted());
  expect(answer.limited).toEqual([]);
  for (let fetch = 1; fetch < BURST; fetch++) {
    await publish.bundle(first ?? nobody, { asker });
  }
  const again = await platform.call(getBundles, asker, { body: { users: [first, second] } });
  expect(again.bundles.map(({ user }) => user)).toEqual([second]);
  expect(again.limited).toMatchObject([{ user: first }]);
});

test('bundles of 256 users are one request', async () => {
  const users = Array.from({ length: 256 }, () => newDevice().user);
  const { unknown } = await platform.call(getBundles, newDevice(), { body: { users } });
  expect(unknown).toHaveLength(256);
  const tooMany = [...users, newDevice().user];
  await expect(
    platform.call(getBundles, newDevice(), { body: { users: tooMany } }),
  ).rejects.toThrow();
});

describe('while Redis', () => {
  test.each(['cut', 'silence'] as const)(
    'does not answer (%s), no bundle leaves, and it is said within two seconds',
    async (fault) => {
      const wire = await cuttableWire(testRedis().url);
      const own = await startPlatform({ environment: { REDIS_URL: wire.url } });
      try {
        const owner = newOwner();
        const { all, bundle } = publisherOn(own);
        await all(owner, 5);
        await bundle(owner.user);
        wire[fault]();
        const start = performance.now();
        const params = { user_id: owner.user };
        const problem = await own.call.problem(getBundle, newDevice(), { params });
        expect(problem).toMatchObject({ code: 'service.unavailable', status: 503 });
        expect(performance.now() - start).toBeLessThan(2_500);
        expect(await own.call(countPrekeys, owner)).toMatchObject({ oneTimePrekeys: 4 });
        wire.restore();
        await vi.waitFor(() => bundle(owner.user), { timeout: 10_000, interval: 100 });
      } finally {
        await own.close();
        await wire.close();
      }
    },
  );
});
