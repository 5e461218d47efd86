/** The one message that a device is handed while it is linked. */
import { randomBytes } from 'node:crypto';
import { PROVISIONING_BYTES_MAX, sendProvisioning, takeProvisioning } from '@sotto/api';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { PROVISIONING_PER_USER_MAX } from '../src/limits.ts';
import { newDevice, type Platform, startPlatform } from './platform.fixture.ts';

let platform: Platform;
let now = Date.now();

beforeAll(async () => {
  platform = await startPlatform({ clock: () => now });
});
afterAll(() => platform.close());
beforeEach(() => {
  now = Date.now();
});

const newMessage = (size = 100) => ({ channel: randomBytes(32), message: randomBytes(size) });
const paramsOf = ({ channel }: { channel: Buffer }) => ({ channel: channel.toString('base64url') });

test('it is there for whoever knows the channel, as often as it is asked for', async () => {
  const left = newMessage();
  await platform.call(sendProvisioning, newDevice(), { body: left });
  for (const process of [0, 1]) {
    const options = { params: paramsOf(left), process };
    const { message } = await platform.call(takeProvisioning, 'nobody', options);
    expect(Buffer.from(message)).toEqual(left.message);
  }
});

test('the same again changes nothing, and another one in its place is refused', async () => {
  const left = newMessage();
  const sender = newDevice();
  await platform.call(sendProvisioning, sender, { body: left });
  await platform.call(sendProvisioning, sender, { body: left });
  const body = { ...left, message: randomBytes(100) };
  expect(await platform.call.problem(sendProvisioning, newDevice(), { body })).toMatchObject({
    code: 'key.channel-taken',
    status: 409,
  });
  const { message } = await platform.call(takeProvisioning, 'nobody', { params: paramsOf(left) });
  expect(Buffer.from(message)).toEqual(left.message);
});

test('after ten minutes it is gone, and the channel is free', async () => {
  const left = newMessage();
  await platform.call(sendProvisioning, newDevice(), { body: left });
  now += 599_000;
  await platform.call(takeProvisioning, 'nobody', { params: paramsOf(left) });
  now += 1_001;
  const params = paramsOf(left);
  expect(await platform.call.problem(takeProvisioning, 'nobody', { params })).toMatchObject({
    code: 'key.channel-unknown',
    status: 404,
  });
  const body = { ...left, message: randomBytes(10) };
  await platform.call(sendProvisioning, newDevice(), { body });
});

test('it may be as large as the contract says, and no larger', async () => {
  const largest = newMessage(PROVISIONING_BYTES_MAX);
  await platform.call(sendProvisioning, newDevice(), { body: largest });
  const options = { params: paramsOf(largest) };
  const { message } = await platform.call(takeProvisioning, 'nobody', options);
  expect(Buffer.from(message)).toEqual(largest.message);
  const channel = randomBytes(32).toString('base64url');
  const json = { channel, message: randomBytes(PROVISIONING_BYTES_MAX + 1).toString('base64url') };
  expect(await platform.call.problem(sendProvisioning, newDevice(), { json })).toMatchObject({
    code: 'request.invalid',
  });
});

test('a user cannot fill the platform with them', async () => {
  const sender = newDevice();
  const outcomes = await Promise.allSettled(
    Array.from({ length: PROVISIONING_PER_USER_MAX + 5 }, () =>
      platform.call(sendProvisioning, sender, { body: newMessage() }),
    ),
  );
  const stored = outcomes.filter(({ status }) => status === 'fulfilled');
  expect(stored).toHaveLength(PROVISIONING_PER_USER_MAX);
  const body = newMessage();
  expect(await platform.call.problem(sendProvisioning, sender, { body })).toMatchObject({
    code: 'rate.limited',
  });
  await platform.call(sendProvisioning, newDevice(), { body });
});

test('only who is logged in leaves one', async () => {
  expect(
    await platform.call.problem(sendProvisioning, 'nobody', { body: newMessage() }),
  ).toMatchObject({ status: 401 });
});
