/** What the platform says that it does not have, and delivers when it is too late. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Device } from '../platform/platform-operations.fixture.ts';
import { lines, messages, openPair, type Pair, until } from './content.fixture.ts';
import { readTimer } from './lifetime.ts';

let pair: Pair;

beforeEach(async () => {
  pair = await openPair();
});
afterEach(() => pair.close());

test('a timer that was held back does not undo the one behind it', async () => {
  const { alice, bob, conversation } = pair;
  const release = holdBackNext();
  await alice.client.setTimer(conversation, 60);
  await alice.client.setTimer(conversation, 3600);
  const timer = () => bob.store.transaction((it) => readTimer(it, conversation));
  await until(async () => expect(await timer()).toBe(3600));
  release();
  await until(async () => expect(await messages(bob, conversation)).toHaveLength(3));
  expect(await timer()).toBe(3600);
  const orders = (await messages(bob, conversation)).map((item) => 'order' in item && item.order);
  expect(orders).toEqual(['next', 'late', 'gap']);
});

test('what was held back until one has answered is shown as late', async () => {
  const { alice, bob, conversation } = pair;
  const release = holdBackNext();
  await alice.client.sendText(conversation, 'do not pay');
  await until(async () => expect(await alice.client.unsent(conversation)).toEqual([]));
  const { id } = await bob.client.sendText(conversation, 'I pay');
  await bob.client.whenStored(id);
  release();
  await until(async () => expect(await lines(bob, conversation)).toHaveLength(3));
  const shown = (await lines(bob, conversation)).map(({ body, order }) => ({ body, order }));
  expect(shown).toMatchObject([
    { body: { text: 'hello' }, order: 'next' },
    { body: { text: 'do not pay' }, order: 'late' },
    { body: { text: 'I pay' }, order: 'next' },
  ]);
});

/** The next place of the conversation is said to hold nothing for Bob, until it is released. */
function holdBackNext(): () => void {
  const { platform } = pair;
  const [room = expect.fail('nobody talks')] = platform.rooms;
  const held = room.messages.length + 1;
  platform.show = (slot, to: Device) => {
    const isHeld = slot.type === 'message' && slot.seq === held && to.username === 'bob';
    return isHeld ? [{ type: 'none', from: held, to: held }] : [slot];
  };
  return () => {
    platform.show = (slot) => [slot];
    platform.deliver(room, held);
  };
}
