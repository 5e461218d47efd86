/** What the key service tells of the bundles that leave, by which operators see that prekeys run out. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { linkedDevice, newOwner, type Publisher, publisherOn } from './owner.fixture.ts';
import { type Platform, startPlatform } from './platform.fixture.ts';

let platform: Platform;
let publish: Publisher;

beforeAll(async () => {
  platform = await startPlatform();
  publish = publisherOn(platform);
});
afterAll(() => platform.close());

/** Of the process that bundles are asked of; undefined before it was ever counted. */
async function number(name: string): Promise<number | undefined> {
  const [asked] = platform.processes;
  const text = await (await asked(new Request('http://key.test/metrics'))).text();
  const line = text.split('\n').find((one) => one.startsWith(`sotto_${name}`));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

const issued = async () => [
  await number('bundles_issued_total{one_time_prekey="with"'),
  await number('bundles_issued_total{one_time_prekey="without"'),
];

test('each device of a bundle is counted, by whether a one-time prekey was left for it', async () => {
  const owner = newOwner();
  const other = linkedDevice(owner);
  await publish.all(owner, 20);
  await publish.all(other, 21);
  await publish.bundle(owner.user);
  expect(await issued()).toEqual([2, 0]);
  await publish.bundle(owner.user, { query: `?device=${owner.device}` });
  expect(await issued()).toEqual([3, 0]);

  const bare = newOwner();
  await publish.all(bare, 0);
  await publish.bundle(bare.user);
  expect(await issued()).toEqual([3, 1]);
});

test('a device that is told of its few prekeys is counted once', async () => {
  expect(await number('prekeys_low_total')).toBe(0);
  const owner = newOwner();
  await publish.all(owner, 10);
  await publish.bundle(owner.user);
  await vi.waitFor(async () => expect(await number('prekeys_low_total')).toBe(1), 20_000);
  // Told already: the next to be told is another.
  await publish.bundle(owner.user);
  const another = newOwner();
  await publish.all(another, 1);
  await publish.bundle(another.user);
  await vi.waitFor(async () => expect(await number('prekeys_low_total')).toBe(2), 20_000);
});
