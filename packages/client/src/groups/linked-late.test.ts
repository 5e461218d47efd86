/** A device that is linked while the platform shows no sound log of a group. */
import { ConversationId } from '@sotto/api';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { writeCursor } from '../messages/conversations.ts';
import { notePassedOver } from '../messages/passed-over.ts';
import { type Party, startWorld, textsOf, until, type World } from '../repair/repair.fixture.ts';
import { keys } from '../store/key-space.ts';

const DAY_MS = 24 * 3_600_000;

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.close());

test('is no stale copy, and reads the group from where it was linked', async () => {
  const alice = await world.enter('alice');
  const bob = await world.enter('bob');
  const { id } = await alice.client.groups.create({ members: [world.device('bob').user] });
  await alice.client.whenStored((await alice.client.sendText(id, 'before')).id);
  const room = world.platform.rooms[0]!;
  const [first] = room.group!.log;
  const { entry } = first!;
  first!.entry = Uint8Array.of(1, 2, 3);
  // As the platform does, which begins the cursors of a device that is new at the last places that there are.
  world.platform.failCall = (operation) => {
    const { cursors } = world.platform.devices.at(-1)!;
    if (operation === 'openSocketTicket' && !cursors.has(id)) {
      cursors.set(id, room.group!.log.length + room.messages.length);
    }
    return undefined;
  };
  let linked = await world.joined(bob, 'linked');
  await until(() => isListed(linked));

  const behind = vi.fn();
  for (const days of [0, 2]) {
    world.aheadMs = days * DAY_MS;
    linked = await world.reopened(linked);
    linked.client.on('store-behind', behind);
    // What the greeting says has been judged by then.
    await linked.client.whenStored((await linked.client.sendText(await note(linked), 'here')).id);
  }
  await alice.client.whenStored((await alice.client.sendText(id, 'meanwhile')).id);
  const { cursors } = world.platform.devices.at(-1)!;
  await until(async () => cursors.get(id) === room.group!.log.length + room.messages.length);
  first!.entry = entry;
  // Nothing new has to come for what was passed over to be read.
  for (const days of [4, 6]) {
    world.aheadMs = days * DAY_MS;
    linked = await world.reopened(linked);
    linked.client.on('store-behind', behind);
    await until(async () => (await textsOf(linked, id)).includes('meanwhile'));
  }
  await alice.client.sendText(id, 'after');
  await until(async () => (await textsOf(linked, id)).includes('after'));
  expect((await linked.client.history(id)).map(({ type }) => type)).toEqual(['message', 'message']);
  expect(behind).not.toHaveBeenCalled();
});

test('reads what it can of what was passed over, whatever the platform has lost', async () => {
  const bob = await world.enter('bob');
  const alice = await world.enter('alice');
  const { id } = await bob.client.openDirect(world.device('alice').user);
  await until(() => isListed(bob));
  const lost = ConversationId.parse('0193f000-0000-7000-8000-000000000009');
  await bob.store.transaction(async (transaction) => {
    await writeCursor(transaction, lost, 1);
    await notePassedOver(transaction, lost, 1);
  });
  const again = await world.reopened(bob);
  const left = () => again.store.transaction((known) => known.get(keys.passedOver(lost)));
  await until(async () => (await left()) === undefined);
  const down = vi.fn();
  again.client.on('disconnected', down);
  await again.client.whenStored((await again.client.sendText(id, 'here')).id);
  await until(async () => (await textsOf(alice, id)).includes('here'));
  expect(down).not.toHaveBeenCalled();
});

function isListed({ store }: Party): Promise<boolean> {
  return store.transaction(
    async (transaction) => (await transaction.get(keys.conversationsListed)) !== undefined,
  );
}

/** A conversation with somebody else. */
async function note({ client }: Party) {
  const { id } = await client.openDirect(world.device('alice').user);
  return id;
}
