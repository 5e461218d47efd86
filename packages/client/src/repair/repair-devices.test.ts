/** Repair between more devices than two, and with devices that have lost more than a session. */
import { ApiError, toProblem } from '@sotto/api';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { addressedBy } from '../platform/platform-rooms.fixture.ts';
import { keys } from '../store/key-space.ts';
import {
  countUnreadable,
  pair,
  say,
  startWorld,
  textOf,
  textsOf,
  until,
  type World,
} from './repair.fixture.ts';

let world: World;

beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.close());

test('a device that cannot even read the question asks for it, and then answers', async () => {
  const { alice, bob, conversation } = await pair(world);
  await alice.store.transaction(async (transaction) => {
    const [session] = await transaction.list({ prefix: keys.sessions(), limit: 10 });
    await transaction.put(session!.key, Uint8Array.of(0));
  });
  // New sessions with Bob start from keys that he does not have any more.
  await bob.store.transaction(async (transaction) => {
    for (const prefix of [keys.signedPrekeys, keys.oneTimePrekeys]) {
      for (const { key } of await transaction.list({ prefix, limit: 1000 })) {
        await transaction.delete(key);
      }
    }
  });
  await bob.client.sendText(conversation, 'lost');
  await until(async () => (await textsOf(alice, conversation)).includes('lost'));
  expect(await countUnreadable(alice, conversation)).toBe(0);
  expect([world.toldBy('alice'), world.toldBy('bob')]).toEqual([2, 2]);
}, 30_000);

test('what could not be read of another device of the account is asked of that one', async () => {
  const { alice, bob, conversation } = await pair(world);
  const second = await world.joined(alice, 'linked');
  await say(bob, alice, { conversation, text: 'hello both' });
  world.platform.judge = (message) => {
    const device = world.platform.devices.at(-1)!;
    const isWhole = addressedBy(message).some((recipient) => recipient.device === device.device);
    if (isWhole || message.kind === 'targeted') return undefined;
    const missing = [{ user: device.user, device: device.device }];
    const devices = { missing, unknown: [] };
    return toProblem(new ApiError('message.devices-stale', { devices }));
  };
  world.damageNext({ of: 'alice' });
  await say(alice, bob, { conversation, text: 'from the first' });
  const ownOf = async () => {
    const items = await second.client.history(conversation);
    return items.flatMap((item) =>
      item.type === 'message' && item.own ? [textOf(item.content)] : [],
    );
  };
  await until(async () => (await ownOf()).length === 1);
  expect(await ownOf()).toEqual(['from the first']);
});

test('what came from an identity that was not accepted is read once it was', async () => {
  const { alice, bob, conversation } = await pair(world);
  const changed = vi.fn();
  alice.client.on('identity-changed', changed);
  await bob.client.close();
  const anew = await world.joined(bob, 'another identity');
  const [first, second] = world.platform.devices.filter(({ username }) => username === 'bob');
  first!.bundle = {};
  world.platform.judge = (message) => {
    const isStale = addressedBy(message).some(({ device }) => device === first!.device);
    const missing = [{ user: second!.user, device: second!.device }];
    const devices = { missing, unknown: [first!.device] };
    return isStale ? toProblem(new ApiError('message.devices-stale', { devices })) : undefined;
  };
  await anew.client.openDirect(world.device('alice').user);
  await anew.client.sendText(conversation, 'it is me, with other keys');
  await until(async () => (await countUnreadable(alice, conversation)) === 1);
  const waiting = await alice.client.sendText(conversation, 'is it?');
  await until(() => changed.mock.calls.length > 0);
  expect(world.toldBy('alice')).toBe(0);

  world.aheadMs += 3 * 60_000;
  await alice.client.acceptIdentity(second!.user);
  await alice.client.whenStored(waiting.id);
  await until(async () => (await countUnreadable(alice, conversation)) === 0);
  expect(await textsOf(alice, conversation)).toEqual(['hello', 'it is me, with other keys']);
});
