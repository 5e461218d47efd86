/** What the key service hands out after its database was restored from a backup. */
import { countPrekeys, getKeyLogAccount, getKeyLogHead } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import {
  decodeKeyLogLeaf,
  decodeTreeHead,
  leafHashOf,
  verifyInclusion,
} from '@sotto/crypto/verify';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { restoreKeys } from '../src/restored.ts';
import { newOwner, oneTimePrekeys, type Publisher, publisherOn } from './owner.fixture.ts';
import { type Platform, startPlatform } from './platform.fixture.ts';

/** How far the marks jump. */
const JUMP = 2 ** 20;

let platform: Platform;
let publish: Publisher;

beforeEach(async () => {
  platform = await startPlatform();
  publish = publisherOn(platform);
});
afterEach(() => platform.close());

test('one-time prekeys go, and others are taken above the marks alone', async () => {
  const owner = newOwner();
  await publish.all(owner, 20);
  const restore = { incarnation: 7, time: 1234 };
  expect(await restoreKeys(platform.database, restore)).toEqual({ prekeys: 20 });
  expect(await platform.call(countPrekeys, owner)).toMatchObject({
    oneTimePrekeys: 0,
    oneTimeMark: 20 + JUMP,
    signedPrekey: 1,
  });
  const { devices } = await publish.bundle(owner.user);
  expect(devices[0]).not.toHaveProperty('oneTimePrekey');
  await expect(publish.oneTime(owner, oneTimePrekeys(21, 5))).rejects.toThrow('key.id-conflict');
  expect(await publish.oneTime(owner, oneTimePrekeys(21 + JUMP, 5))).toEqual({ available: 5 });
});

test('the log says so, once for each restore, and proves it with every head', async () => {
  const owner = newOwner();
  await publish.identity(owner);
  const restore = { incarnation: 7, time: 1234 };
  await restoreKeys(platform.database, restore);
  expect(await restoreKeys(platform.database, restore)).toBeUndefined();
  // Until it is in the log, the log is not shown.
  const answer = await vi.waitFor(() => platform.call(getKeyLogHead, 'nobody'), {
    timeout: 5_000,
    interval: 100,
  });
  const about = await platform.call(getKeyLogAccount, owner, { params: { user_id: owner.user } });
  for (const { head, restored } of [answer, about]) {
    if (restored === undefined) throw new Error('no restore is shown');
    const { leaf, index, inclusion } = restored;
    expect(decodeKeyLogLeaf(leaf)).toEqual({ type: 'restored', ...restore });
    const leafHash = leafHashOf(nodeProvider, leaf);
    const tree = decodeTreeHead(head).head;
    verifyInclusion(nodeProvider, tree, { leafHash, index, path: inclusion });
  }
  await restoreKeys(platform.database, { incarnation: 8, time: 5678 });
  const later = await vi.waitFor(() => platform.call(getKeyLogHead, 'nobody'), {
    timeout: 5_000,
    interval: 100,
  });
  expect(decodeKeyLogLeaf(later.restored?.leaf ?? new Uint8Array())).toMatchObject({
    incarnation: 8,
  });
});
