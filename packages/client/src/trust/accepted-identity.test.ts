/** What was on its way, in either direction, when a contact's other identity was accepted. */
import { randomUUID } from 'node:crypto';
import { ApiError, type ConversationId, MessageId, type Problem, toProblem } from '@sotto/api';
import { sealEnvelope } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { getPeer, Peer } from '../account/records.ts';
import { encodeContent } from '../messages/content.ts';
import { NOW } from '../platform/platform-rooms.fixture.ts';
import {
  countUnreadable,
  type Party,
  pair,
  say,
  startWorld,
  textOf,
  textsOf,
  theirs,
  trio,
  until,
  type World,
} from '../repair/repair.fixture.ts';
import { keys } from '../store/key-space.ts';
import { putRecord } from '../store/stored-record.ts';
import { loadLocalParty, openSessions } from './sessions.ts';

let world: World;

beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.close());

test('whoever has a device of the identity before speaks in nobody’s name any more', async () => {
  const { alice, bob, conversation } = await pair(world);
  const stolen = await encryptAsStolen(bob, alice, { conversation, text: 'it is still me' });
  await renewAndAccept(bob, alice);
  const session = () =>
    alice.store.transaction((transaction) => transaction.get(keys.session(addressOf('bob'))));
  const before = await session();
  deliver(conversation, stolen);
  await until(async () => (await countUnreadable(alice, conversation)) === 1);
  expect(await alice.client.history(conversation)).toContainEqual(
    expect.objectContaining({ id: stolen.id, cause: 'identity.changed' }),
  );
  expect(await textsOf(alice, conversation)).toEqual(['hello']);
  expect(await session()).toEqual(before);
}, 30_000);

test('what comes late of the identity before is sent again in the other', async () => {
  const { alice, bob, conversation } = await pair(world);
  const { refused, lift } = refuseAll('bob', () => toProblem(new ApiError('rate.limited')));
  const { id: late } = await bob.client.sendText(conversation, 'late');
  await until(() => refused() > 0);
  await renewAndAccept(bob, alice);
  // By then the identity was found in the key log, and no older one is believed.
  await alice.client.whenStored((await alice.client.sendText(conversation, 'is it you?')).id);
  lift();
  await bob.client.whenStored(late);
  await until(async () => (await countUnreadable(alice, conversation)) === 1);
  world.aheadMs += 3 * 60_000;
  world.platform.cutAll();
  await until(async () => (await textsOf(alice, conversation)).includes('late'));
  expect(await countUnreadable(alice, conversation)).toBe(0);
}, 30_000);

test.each<[string, () => Problem]>([
  ['held up by a limit', () => toProblem(new ApiError('rate.limited'))],
  ['refused for a device that has gone', staleProblem],
])(
  'what waited %s is read by the identity that was accepted, once and in order',
  async (_, problem) => {
    const { alice, bob, conversation } = await pair(world);
    const { refused, lift } = refuseAll('alice', problem);
    const waiting: MessageId[] = [];
    for (const text of ['one', 'two']) {
      waiting.push((await alice.client.sendText(conversation, text)).id);
    }
    await until(() => refused() > 1);
    await renewAndAccept(bob, alice, lift);
    for (const id of waiting) await alice.client.whenStored(id);
    await until(async () => (await textsOf(bob, conversation)).length === 3);
    expect(await textsOf(bob, conversation)).toEqual(['hello yourself', 'one', 'two']);
    expect(await countUnreadable(bob, conversation)).toBe(0);
  },
  30_000,
);

test('what waited for the identity that was accepted is sent to it again when it cannot be read', async () => {
  const { alice, bob, conversation } = await pair(world);
  const { refused, lift } = refuseAll('alice', () => toProblem(new ApiError('rate.limited')));
  const { id } = await alice.client.sendText(conversation, 'one');
  await until(() => refused() > 0);
  damage(id);
  await renewAndAccept(bob, alice, lift);
  await until(async () => (await theirs(bob, conversation)).length === 2);
  expect(await theirs(bob, conversation)).toMatchObject([
    { content: { text: 'hello yourself' } },
    { id, content: { text: 'one' }, isRepaired: true },
  ]);
}, 30_000);

test('the same holds in a group, whose messages are keyed anew when they are refused', async () => {
  const { alice, bob, conversation } = await trio(world);
  await say(alice, bob, { conversation, text: 'hello' });
  const { refused, lift } = refuseAll('alice', () => toProblem(new ApiError('rate.limited')));
  const { id } = await alice.client.sendText(conversation, 'one');
  await until(() => refused() > 0);
  damage(id);
  await renewAndAccept(bob, alice, lift);
  await until(async () => (await theirs(bob, conversation)).length === 2);
  expect((await theirs(bob, conversation))[1]).toMatchObject({ id, isRepaired: true });
}, 30_000);

test('what was stored in the end though no answer came stands where it is, once, for the identity before alone', async () => {
  const { alice, bob, conversation } = await pair(world);
  const notices: unknown[] = [];
  alice.client.on('store-behind', (notice) => notices.push(notice));
  let isCut = true;
  world.platform.judge = () => (isCut ? 'cut' : undefined);
  const noTicket = new ApiError('service.unavailable');
  world.platform.failCall = (operation) =>
    isCut && operation === 'openSocketTicket' ? noTicket : undefined;
  const { id: stored } = await alice.client.sendText(conversation, 'one');
  const room = world.platform.rooms.find(({ id }) => id === conversation)!;
  await until(() => room.messages.some(({ stored: { id } }) => id === stored));
  const before = world.device('bob').identityKey;
  const renewed = bob.client.renewIdentity();
  await until(() => world.device('bob').identityKey !== before);
  const { user, identityKey } = world.device('bob');
  // As if it had been heard of over the connection that is gone.
  await alice.store.transaction(async (transaction) => {
    const peer = await getPeer(transaction, user);
    await putRecord(transaction, keys.peer(user), [Peer, { ...peer!, changedTo: identityKey }]);
  });
  await alice.client.acceptIdentity(user);
  const asked = world.toldBy('bob');
  isCut = false;
  await renewed;
  const { id: next } = await alice.client.sendText(conversation, 'two');
  for (const id of [stored, next]) await alice.client.whenStored(id);
  await until(async () => (await textsOf(bob, conversation)).includes('two'));
  // It was encrypted for the identity before. Bob asks for it, and is given nothing.
  await until(() => world.toldBy('bob') > asked);
  await say(bob, alice, { conversation, text: 'what was that?' });
  await say(alice, bob, { conversation, text: 'nothing for you' });
  expect(await textsOf(bob, conversation)).toEqual(['hello yourself', 'two', 'nothing for you']);
  expect(await countUnreadable(bob, conversation)).toBe(1);
  const own = (await alice.client.history(conversation)).flatMap((item) =>
    item.type === 'message' && item.own ? [textOf(item.content)] : [],
  );
  expect(own).toEqual(['hello yourself', 'one', 'two', 'nothing for you']);
  expect(room.messages.filter(({ stored: { id } }) => id === stored)).toHaveLength(1);
  // What the platform has more of than was answered is this one.
  expect(notices).toEqual([]);
}, 60_000);

function staleProblem(): Problem {
  const unknown = [world.device('alice').device];
  return toProblem(new ApiError('message.devices-stale', { devices: { missing: [], unknown } }));
}

/** Has the platform refuse whatever somebody sends, until that is lifted. */
function refuseAll(username: string, problem: () => Problem) {
  let refused = 0;
  world.platform.judge = (_message, _number, from) => {
    if (from.username !== username) return undefined;
    refused += 1;
    return problem();
  };
  const lift = () => {
    world.platform.judge = () => undefined;
  };
  return { refused: () => refused, lift };
}

/** Changes a byte of every copy of a message. */
function damage(id: MessageId): void {
  world.platform.show = (slot) => {
    if (slot.type !== 'message' || slot.id !== id) return [slot];
    return [{ ...slot, ciphertext: slot.ciphertext.with(-1, slot.ciphertext.at(-1)! ^ 1) }];
  };
}

/** One makes another identity; the other one is told, and accepts it. */
async function renewAndAccept(one: Party, other: Party, beforeAccepting = () => {}): Promise<void> {
  const { user } = world.device(one.name);
  const changed = vi.fn();
  other.client.on('identity-changed', changed);
  await one.client.renewIdentity();
  const frame = { type: 'keys-changed', user, what: 'identity' };
  world.device(other.name).socket!.send(JSON.stringify(frame));
  await until(() => changed.mock.calls.length > 0);
  beforeAccepting();
  await other.client.acceptIdentity(user);
}

/** What whoever has a copy of a device's store says with it, in the session that there is. */
async function encryptAsStolen(
  from: Party,
  to: Party,
  { conversation, text }: { readonly conversation: ConversationId; readonly text: string },
) {
  const id = MessageId.parse(`0190b0a0-0000-7000-8000-${randomUUID().slice(24)}`);
  const content = encodeContent({ type: 'text', text });
  const sender = addressOf(from.name);
  const head = { conversation, message: id, sender, counter: 2, time: Date.now() };
  const plaintext = sealEnvelope({ ...head, deviceLists: [], content });
  const local = await loadLocalParty(from.store, nodeProvider);
  const deps = { provider: nodeProvider, local, clock: Date.now };
  const { user, device, identityKey } = world.device(to.name);
  const ciphertext = await from.store.transaction((transaction) =>
    openSessions(transaction, deps).encrypt({ user, device }, plaintext, identityKey!),
  );
  return { id, recipients: [{ device, ciphertext: ciphertext! }] };
}

/** A platform that takes a message of Bob's from anybody. */
function deliver(
  conversation: ConversationId,
  { id, recipients }: Awaited<ReturnType<typeof encryptAsStolen>>,
): void {
  const room = world.platform.rooms.find((known) => known.id === conversation)!;
  const stored = { id, conversation, seq: room.messages.length + 1, sentAt: NOW };
  const message = { kind: 'direct' as const, id, conversation, recipients };
  room.messages.push({ message, from: world.device('bob'), stored });
  world.platform.deliver(room, stored.seq);
}

function addressOf(name: string) {
  const { user, device } = world.device(name);
  return { user, device };
}
