/** Messages to groups that this device's log of the group was not ready for, and those that no log makes true. */
import { ApiError, type ConversationId, type Slot } from '@sotto/api';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { encodeContent } from '../messages/content.ts';
import { addressedBy, lastOf, type Room } from '../platform/platform-rooms.fixture.ts';
import {
  countUnreadable,
  type Party,
  say,
  startWorld,
  type Trio,
  textsOf,
  trio,
  until,
  type World,
} from './repair.fixture.ts';

const MINUTES_MS = 60_000;

let world: World;

beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.close());

test('what names an entry that was not shown is read once the log was, and what its new member says', async () => {
  const { alice, bob, carol, conversation } = await group();
  const dora = await world.enter('dora');
  hideEntriesFrom('carol');
  await alice.client.groups.add(conversation, [world.device('dora').user]);
  for (const [party, text] of [
    [dora, 'I am new'],
    [bob, 'welcome'],
  ] as const) {
    await say(party, alice, { conversation, text });
  }
  await until(async () => (await textsOf(carol, conversation)).length === 3);
  expect(await textsOf(carol, conversation)).toEqual(['from bob', 'I am new', 'welcome']);
  expect(await countUnreadable(carol, conversation)).toBe(0);
});

test('what names an entry that is withheld is not shown however often it is said, until the entry is there', async () => {
  const { alice, bob, carol, conversation } = await group();
  const dora = await world.enter('dora');
  const before = countTold('bob', 'carol');
  hideEntriesFrom('carol');
  await alice.client.groups.add(conversation, [world.device('dora').user]);
  await until(async () => (await dora.client.conversations()).length === 1);
  world.platform.failCall = (call) =>
    call === 'listMembership' ? new ApiError('internal') : undefined;
  await say(dora, bob, { conversation, text: 'I am new' });
  await say(bob, dora, { conversation, text: 'welcome' });
  // Bob was asked, and has answered with the message and his chain.
  await until(() => countTold('bob', 'carol') === before + 2);
  await untilRead(carol, conversation);
  expect(await textsOf(carol, conversation)).toEqual(['from bob']);
  expect(await countUnreadable(carol, conversation)).toBe(2);

  world.platform.failCall = () => undefined;
  world.platform.show = (slot) => [slot];
  world.aheadMs += 3 * MINUTES_MS;
  await alice.client.groups.setRole(conversation, world.device('dora').user, 'admin');
  await until(async () => (await countUnreadable(carol, conversation)) === 0);
  expect(await textsOf(carol, conversation)).toEqual(['from bob', 'I am new', 'welcome']);
});

test('a log that could not be read is read with the next connection, and what named an entry of it then', async () => {
  const { alice, bob, carol, conversation } = await group();
  const dora = await enterUnseen(alice, conversation);
  const trouble = vi.fn();
  carol.client.on('trouble', trouble);
  world.platform.failCall = (call) =>
    call === 'listMembership' ? new ApiError('internal') : undefined;
  await say(dora, bob, { conversation, text: 'I am new' });
  await until(() => trouble.mock.calls.length > 0);
  expect(await countUnreadable(carol, conversation)).toBe(1);
  world.platform.failCall = () => undefined;
  world.platform.cutAll();
  await until(async () => (await textsOf(carol, conversation)).includes('I am new'));
});

test('what named an entry is asked for once the log was read, over whichever connection there is then', async () => {
  const { alice, bob, carol, conversation } = await group();
  const dora = await enterUnseen(alice, conversation);
  const { id: direct } = await bob.client.openDirect(world.device('carol').user);
  const before = countReads();
  world.platform.failCall = (call) =>
    call === 'listMembership' ? new ApiError('service.unavailable', { retryAfter: 1 }) : undefined;
  await say(dora, bob, { conversation, text: 'I am new' });
  await until(() => countReads() > before);
  world.platform.cutAll();
  // What has come over the other connection was handled behind its greeting.
  await say(bob, carol, { conversation: direct, text: 'are you there?' });
  world.platform.failCall = () => undefined;
  await until(async () => (await textsOf(carol, conversation)).includes('I am new'));
});

test('an answer by a log that is not known here has it read', async () => {
  const { alice, bob, carol, conversation } = await group();
  const dora = await enterUnseen(alice, conversation);
  const before = countReads();
  world.platform.failCall = (call) =>
    call === 'listMembership' && countReads() === before + 1 ? new ApiError('internal') : undefined;
  await say(bob, dora, { conversation, text: 'welcome' });
  const { user } = world.device('dora');
  await until(async () => {
    const found = (await carol.client.conversations()).find(({ id }) => id === conversation);
    return found?.members.includes(user) === true;
  });
  world.aheadMs += 3 * MINUTES_MS;
  world.platform.cutAll();
  await until(async () => (await textsOf(carol, conversation)).includes('welcome'));
});

test('what was said by a log that others have accepted is read once it was accepted here', async () => {
  const { alice, bob, conversation } = await group();
  await world.enter('dora');
  const { membership } = room().group!;
  const members = [...room().members];
  await alice.client.groups.add(conversation, [world.device('dora').user]);
  await say(alice, bob, { conversation, text: 'by the lost entry' });
  // The platform came back from a backup without the entry, and Alice signs another one.
  loseEntry();
  room().group!.membership = membership;
  room().members.splice(0, room().members.length, ...members);
  await alice.client.groups.acceptLog(conversation);
  await alice.client.groups.setRole(conversation, world.device('carol').user, 'admin');
  await until(async () => (await brokenAt(bob, conversation)) === 'head.forked');
  const { id } = await alice.client.sendText(conversation, 'by the other one');
  await alice.client.whenStored(id);
  await until(async () => (await countUnreadable(bob, conversation)) === 1);
  await bob.client.groups.acceptLog(conversation);
  await until(async () => (await countUnreadable(bob, conversation)) === 0);
  expect(await textsOf(bob, conversation)).toEqual(['by the lost entry', 'by the other one']);
});

test('what was said while bytes of no meaning had broken a group is read once its log was accepted', async () => {
  const { alice, bob, conversation } = await group();
  const dora = await world.enter('dora');
  world.platform.show = (slot, to) => {
    const isMeant = slot.type === 'membership' && to.username === 'bob';
    return isMeant ? [{ ...slot, entry: Uint8Array.of(0) }] : [slot];
  };
  await alice.client.groups.setRole(conversation, world.device('carol').user, 'admin');
  await until(async () => (await brokenAt(bob, conversation)) === 'log.gap');
  await alice.client.groups.add(conversation, [world.device('dora').user]);
  const told = world.toldBy('bob');
  await say(dora, alice, { conversation, text: 'I am new' });
  await say(alice, dora, { conversation, text: 'welcome' });
  await until(async () => (await countUnreadable(bob, conversation)) === 2);
  // With each connection he looks whom to ask, and asks nobody in a broken group.
  world.aheadMs += MINUTES_MS;
  world.platform.cutAll();
  const { id: direct } = await alice.client.openDirect(world.device('bob').user);
  await say(alice, bob, { conversation: direct, text: 'your group is broken' });
  expect(world.toldBy('bob')).toBe(told);
  await bob.client.groups.acceptLog(conversation);
  await until(async () => (await countUnreadable(bob, conversation)) === 0);
  expect(await textsOf(bob, conversation)).toEqual(['I am new', 'welcome']);
});

test('who was no member when a message came is not believed about it as a member later', async () => {
  const { alice, bob, carol, conversation } = await group();
  const dora = await world.enter('dora');
  const { user, device } = world.device('dora');
  world.platform.show = (slot, to) => {
    const isMeant = slot.type === 'message' && slot.kind === 'group' && to.username === 'carol';
    return isMeant ? [{ ...slot, sender: { user, device } }] : [slot];
  };
  const { id } = await bob.client.sendText(conversation, 'mine');
  await until(async () => (await countUnreadable(carol, conversation)) === 1);
  world.platform.show = (slot) => [slot];
  await alice.client.groups.add(conversation, [user]);
  await say(dora, carol, { conversation, text: 'I am new' });
  const content = encodeContent({ type: 'text', text: 'I was here before' });
  const facts = { of: device, id, counter: 2, time: 1, offset: 0, size: content.length, content };
  await world.tell(dora, carol, { conversation, control: { type: 'again', ...facts } });
  await say(dora, carol, { conversation, text: 'was I not?' });
  expect(await textsOf(carol, conversation)).toEqual(['from bob', 'I am new', 'was I not?']);
  expect(await countUnreadable(carol, conversation)).toBe(1);
});

test('what a new member says is read in its place though it was shown in front of their entry first', async () => {
  const { alice, bob, carol, conversation } = await group();
  const dora = await world.enter('dora');
  await carol.client.close();
  const { id } = await bob.client.sendText(conversation, 'replaced');
  await bob.client.whenStored(id);
  await alice.client.groups.add(conversation, [world.device('dora').user]);
  await say(dora, alice, { conversation, text: 'I am new' });
  const { message, stored } = room().messages.at(-1)!;
  const { user, device } = world.device('dora');
  world.platform.show = (slot, to): Slot[] => {
    const isMeant = slot.type === 'message' && slot.id === id && to.username === 'carol';
    if (!isMeant || message.kind !== 'group') return [slot];
    const { ciphertext } = message;
    return [{ ...slot, id: stored.id, sender: { user, device }, ciphertext }];
  };
  const again = await world.reopened(carol);
  await until(async () => (await textsOf(again, conversation)).includes('I am new'));
  expect(await textsOf(again, conversation)).toEqual(['from bob', 'I am new']);
});

test('a log is not read for each message whose sender is false', async () => {
  const { bob, carol, conversation } = await group();
  await world.enter('dora');
  const { user, device } = world.device('dora');
  world.platform.show = (slot, to) => {
    const isMeant = slot.type === 'message' && slot.kind === 'group' && to.username === 'carol';
    return isMeant ? [{ ...slot, sender: { user, device } }] : [slot];
  };
  const before = countReads();
  for (let count = 1; count <= 20; count++) {
    await bob.client.sendText(conversation, 'mine');
    await until(async () => (await countUnreadable(carol, conversation)) === count);
  }
  world.platform.show = (slot) => [slot];
  await say(bob, carol, { conversation, text: 'mine again' });
  // What the others have had done was asked for before.
  await carol.client.openDirect(world.device('bob').user);
  expect(countReads()).toBe(before + 12);
  expect(world.toldBy('carol')).toBe(0);
});

/** Alice's group with Bob, who has spoken, and Carol. */
async function group(): Promise<Trio> {
  const there = await trio(world);
  const { bob, carol, conversation } = there;
  await say(bob, carol, { conversation, text: 'from bob' });
  return there;
}

function room(): Room {
  return world.platform.rooms.find(({ kind }) => kind === 'group')!;
}

/** Dora comes into the group, and Carol is not shown it. */
async function enterUnseen(by: Party, conversation: ConversationId): Promise<Party> {
  const dora = await world.enter('dora');
  hideEntriesFrom('carol');
  await by.client.groups.add(conversation, [world.device('dora').user]);
  await until(async () => (await dora.client.conversations()).length === 1);
  return dora;
}

/** How often anybody has asked for a group's log. */
function countReads(): number {
  return world.platform.calls.filter((call) => call === 'listMembership').length;
}

function hideEntriesFrom(username: string): void {
  world.platform.show = (slot, to): Slot[] => {
    const isMeant = slot.type === 'membership' && to.username === username;
    return isMeant ? [{ type: 'none', from: slot.seq, to: slot.seq }] : [slot];
  };
}

/** Takes the newest entry out of the log. Its place is that of nothing then. */
function loseEntry(): void {
  const { messages, group: state, id: conversation } = room();
  const { seq } = state!.log.pop()!;
  const id = messages[0]!.stored.id;
  messages.push({
    message: { kind: 'targeted', id, conversation, recipients: [] },
    from: world.device('alice'),
    stored: { id, conversation, seq, sentAt: '2026-01-01T00:00:00.000Z' },
  });
}

/** How many words between devices one has sent to the other. */
function countTold(from: string, to: string): number {
  const told = room().messages.filter(({ message, from: { username } }) => {
    const isTo = addressedBy(message).some(({ device }) => device === world.device(to).device);
    return isTo && username === from;
  });
  return told.length;
}

async function brokenAt({ client }: Party, id: ConversationId): Promise<string | undefined> {
  const found = (await client.conversations()).find((known) => known.id === id);
  return found?.kind === 'group' ? found.broken : undefined;
}

/** Waits until somebody has everything that there is in the group. */
async function untilRead({ name }: Party, conversation: ConversationId): Promise<void> {
  await until(() => (world.device(name).cursors.get(conversation) ?? 0) >= lastOf(room()));
}
