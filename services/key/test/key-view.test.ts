/** What a device is told of its own keys: counts, digests, few prekeys, an old signed prekey. */
import { createHash } from 'node:crypto';
import { checkKeys, countPrekeys, ONE_TIME_PREKEYS_LOW } from '@sotto/api';
import type { Event } from '@sotto/api/internal';
import { consumeEvent } from '@sotto/runtime';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  newOwner,
  type Owner,
  oneTimePrekeys,
  type Publisher,
  publisherOn,
  signedPrekey,
} from './owner.fixture.ts';
import { type Platform, startPlatform } from './platform.fixture.ts';

const DAY_MS = 24 * 3_600_000;

let platform: Platform;
let publish: Publisher;
let now = Date.now();
const low: Event<'events.prekeys.low'>[] = [];

beforeAll(async () => {
  platform = await startPlatform({ clock: () => now });
  publish = publisherOn(platform);
  await consumeEvent(platform.bus, 'test', 'events.prekeys.low', async (event) => {
    low.push(event);
  });
});
afterAll(() => platform.close());
beforeEach(() => {
  now = Date.now();
});

const lowOf = ({ device }: Owner) => low.filter((event) => event.device === device);

describe('a device whose prekeys run low', () => {
  test('is told once, when fewer than ten are left', async () => {
    const owner = newOwner();
    await publish.all(owner, 20);
    for (let left = 19; left >= ONE_TIME_PREKEYS_LOW; left--) await publish.bundle(owner.user);
    const marker = newOwner();
    await publish.all(marker, 1);
    await publish.bundle(marker.user);
    await vi.waitFor(() => expect(lowOf(marker)).toHaveLength(1), 20_000);
    expect(lowOf(owner)).toEqual([]);
    for (let fetch = 0; fetch < 15; fetch++)
      await publish.bundle(owner.user, { process: fetch % 2 });
    await vi.waitFor(() => expect(lowOf(owner)).toHaveLength(1), 20_000);
    expect(lowOf(owner)[0]?.available).toBeLessThan(ONE_TIME_PREKEYS_LOW);
    const another = newOwner();
    await publish.all(another, 1);
    await publish.bundle(another.user);
    await vi.waitFor(() => expect(lowOf(another)).toHaveLength(1), 20_000);
    expect(lowOf(owner)).toHaveLength(1);
  });

  test('is told again after it has uploaded more', async () => {
    const owner = newOwner();
    await publish.all(owner, 10);
    await publish.bundle(owner.user);
    await vi.waitFor(() => expect(lowOf(owner)).toHaveLength(1), 20_000);
    await publish.oneTime(owner, oneTimePrekeys(11, 2));
    await publish.bundle(owner.user);
    expect(lowOf(owner)).toHaveLength(1);
    await publish.bundle(owner.user);
    await vi.waitFor(() => expect(lowOf(owner)).toHaveLength(2), 20_000);
  });

  test('is told once by many fetches at a time', async () => {
    const owner = newOwner();
    await publish.all(owner, 30);
    await Promise.all(
      Array.from({ length: 40 }, (_, index) => publish.bundle(owner.user, { process: index % 2 })),
    );
    await vi.waitFor(() => expect(lowOf(owner)).toHaveLength(1), 20_000);
  });
});

describe('a signed prekey', () => {
  test('is to be replaced after a week', async () => {
    const owner = newOwner();
    await publish.all(owner, 0);
    expect(await platform.call(countPrekeys, owner)).not.toHaveProperty('signedPrekeyOld');
    now += 7 * DAY_MS + 1;
    expect(await platform.call(countPrekeys, owner)).toMatchObject({ signedPrekeyOld: true });
    await publish.signed(owner, signedPrekey(owner, 2));
    expect(await platform.call(countPrekeys, owner)).not.toHaveProperty('signedPrekeyOld');
  });

  test('is kept for thirty days after the next one came, however many came since', async () => {
    const owner = newOwner();
    await publish.all(owner, 0);
    for (let id = 2; id <= 7; id++) {
      now += 7 * DAY_MS;
      await publish.signed(owner, signedPrekey(owner, id));
    }
    // The sixth week: the first was replaced 35 days ago, the second 28.
    expect(await storedIds(owner)).toEqual([2, 3, 4, 5, 6, 7]);
  });

  async function storedIds({ device }: Owner): Promise<number[]> {
    const rows = await platform.database.query
      .selectFrom('signed_prekeys')
      .select('id')
      .where('device_id', '=', device)
      .orderBy('id')
      .execute();
    return rows.map(({ id }) => id);
  }
});

describe('a digest', () => {
  test('agrees when both sides have the same keys, and tells of each difference', async () => {
    const owner = newOwner();
    await publish.identity(owner);
    const prekey = signedPrekey(owner, 3);
    await publish.signed(owner, prekey);
    await publish.oneTime(owner, oneTimePrekeys(5, 2));
    await publish.join(owner);
    const own = {
      identityKey: owner.identity.publicKey as Uint8Array,
      registrationId: 7,
      signedId: 3,
      signedKey: prekey.publicKey as Uint8Array,
      mark: 6,
      version: 1,
    };
    const query = `?digest=${digestOf(own)}`;
    const { digest } = await platform.call(checkKeys, owner, { query });
    expect(Buffer.from(digest).toString('base64url')).toBe(digestOf(own));
    for (const other of [
      { ...own, identityKey: newOwner().identity.publicKey },
      { ...own, registrationId: 8 },
      { ...own, signedId: 2 },
      { ...own, signedKey: signedPrekey(owner, 3).publicKey },
      { ...own, mark: 5 },
      { ...own, version: 2 },
    ]) {
      const differing = `?digest=${digestOf(other)}`;
      expect(await platform.call.problem(checkKeys, owner, { query: differing })).toMatchObject({
        code: 'key.view-differs',
        status: 409,
      });
    }
  });

  test('of a device that has published nothing is not compared', async () => {
    const query = `?digest=${Buffer.alloc(32).toString('base64url')}`;
    expect(await platform.call.problem(checkKeys, newOwner(), { query })).toMatchObject({
      code: 'key.identity-missing',
    });
  });

  interface View {
    identityKey: Uint8Array;
    registrationId: number;
    signedId: number;
    signedKey: Uint8Array;
    mark: number;
    version: number;
  }

  function digestOf(view: View): string {
    const u32 = (value: number) => Buffer.from([value >>> 24, value >>> 16, value >>> 8, value]);
    return createHash('sha256')
      .update(view.identityKey)
      .update(u32(view.registrationId))
      .update(u32(view.signedId))
      .update(view.signedKey)
      .update(u32(view.mark))
      .update(u32(view.version))
      .digest('base64url');
  }
});
