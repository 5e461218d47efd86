/** What is kept for a time only, and what of it stays. */
import { getKeyLogHead, getKeyLogKeys } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { decodeTreeHead, verifyingKey, verifyTreeHead } from '@sotto/crypto/verify';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { KEY_LOG_HEAD_KEPT_MS, RETIRED_DEVICE_KEPT_MS } from '../src/limits.ts';
import { forgetOld } from '../src/retention.ts';
import { newOwner, type Publisher, publisherOn } from './owner.fixture.ts';
import { newDevice, type Platform, startPlatform } from './platform.fixture.ts';

let platform: Platform;
let publish: Publisher;

beforeAll(async () => {
  platform = await startPlatform();
  publish = publisherOn(platform);
});
afterAll(() => platform.close());

const query = () => platform.database.query;

async function heads() {
  const rows = await query().selectFrom('key_log_heads').selectAll().orderBy('size').execute();
  return rows.map(({ size, head }) => ({ size, head }));
}

test('a device that ended is forgotten after thirty days, and not before', async () => {
  const now = Date.now();
  const [old, young] = [1, -1].map((sign) => ({
    id: newDevice().device,
    user_id: newDevice().user,
    retired_at: new Date(now - RETIRED_DEVICE_KEPT_MS - sign * 60_000),
  }));
  if (old === undefined || young === undefined) throw new Error('there are two');
  // More than one statement takes.
  const others = Array.from({ length: 1_500 }, () => ({ ...old, id: newDevice().device }));
  await query()
    .insertInto('retired_devices')
    .values([old, young, ...others])
    .execute();
  await forgetOld(query(), now);
  const rows = await query().selectFrom('retired_devices').select('id').execute();
  expect(rows).toEqual([{ id: young.id }]);
});

test('heads go that others have followed, but for the newest and those that a witness has signed', async () => {
  for (let count = 1; count <= 4; count++) {
    await publish.identity(newOwner());
    await vi.waitFor(async () => expect((await heads()).at(-1)?.size).toBe(count), 20_000);
  }
  const before = await heads();
  const sizes = before.map(({ size }) => size);
  expect(sizes).toEqual(expect.arrayContaining([1, 2, 3, 4]));
  await query()
    .insertInto('key_log_cosignatures')
    .values({ size: 2, witness_key: Buffer.alloc(32, 1), signature: Buffer.alloc(64, 1) })
    .execute();
  await forgetOld(query(), Date.now());
  expect((await heads()).map(({ size }) => size)).toEqual(sizes);
  await forgetOld(query(), Date.now() + KEY_LOG_HEAD_KEPT_MS + 60_000);
  expect((await heads()).map(({ size }) => size)).toEqual([2, 4]);
  // Whoever has seen the third still gets proven what follows on it, and the log grows.
  const third = before.find(({ size }) => size === 3);
  if (third === undefined) throw new Error('it was there');
  const seen = decodeTreeHead(third.head).head;
  await publish.identity(newOwner());
  const { logKey } = await platform.call(getKeyLogKeys, newDevice());
  await vi.waitFor(async () => {
    const answer = await platform.call(getKeyLogHead, 'nobody', { query: '?from=3' });
    const tree = verifyTreeHead(nodeProvider, answer.head, {
      logKey: verifyingKey<'key-log'>(logKey),
      seen: { size: 3, root: seen.root },
      consistency: answer.consistency,
    });
    expect(tree.size).toBe(5);
  }, 20_000);
});
