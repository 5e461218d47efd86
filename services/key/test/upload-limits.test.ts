/** How often a device may publish what others hear of. */
import { publishDeviceList, publishSignedPrekey } from '@sotto/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  deviceList,
  identityOf,
  linkedDevice,
  newOwner,
  type Publisher,
  publisherOn,
  signedPrekey,
} from './owner.fixture.ts';
import { type Platform, startPlatform } from './platform.fixture.ts';

const LIMIT = 3;

let platform: Platform;
let publish: Publisher;

beforeAll(async () => {
  platform = await startPlatform({
    environment: {
      LIMITS_SIGNED_PREKEYS_PER_HOUR: String(LIMIT),
      LIMITS_DEVICE_LISTS_PER_HOUR: String(LIMIT),
    },
  });
  publish = publisherOn(platform);
});
afterAll(() => platform.close());

const refused = { code: 'rate.limited', status: 429 };

test('a device publishes so many signed prekeys in an hour; the same again does not count', async () => {
  const owner = newOwner();
  await publish.identity(owner, identityOf(owner));
  const first = signedPrekey(owner, 1);
  for (let time = 0; time < 2 * LIMIT; time++) await publish.signed(owner, first);
  await publish.signed(owner, signedPrekey(owner, 2));
  await publish.signed(owner, signedPrekey(owner, 3));
  const body = signedPrekey(owner, 4);
  const problem = await platform.call.problem(publishSignedPrekey, owner, { body });
  expect(problem).toMatchObject(refused);
  expect(problem.retryAfter).toBeGreaterThan(0);
  const { rows } = await platform.database.pool.query(
    'select id from signed_prekeys where device_id = $1 order by id',
    [owner.device],
  );
  expect(rows.map(({ id }) => id)).toEqual([1, 2, 3]);
  const other = linkedDevice(owner);
  await publish.identity(other, identityOf(other));
  await publish.signed(other, signedPrekey(other, 1));
});

test('and so many device lists; asking again whether one is gone by does not count', async () => {
  const owner = newOwner();
  await publish.identity(owner, identityOf(owner));
  await publish.signed(owner);
  let last = deviceList([owner]);
  for (let time = 0; time < 2 * LIMIT; time++) await publish.list(owner, last.encoded);
  for (let version = 2; version <= LIMIT; version++) {
    last = deviceList([owner], { previous: last.head });
    await publish.list(owner, last.encoded);
  }
  const next = deviceList([owner], { previous: last.head });
  const body = { list: next.encoded };
  expect(await platform.call.problem(publishDeviceList, owner, { body })).toMatchObject(refused);
});
