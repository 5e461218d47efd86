/** Messages that cannot be read when they come: all are shown in the end, in their places, once. */
import {
  ApiError,
  type ConversationId,
  type MessageId,
  type Recipient,
  toProblem,
} from '@sotto/api';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { encodeContent } from '../messages/content.ts';
import { addressedBy } from '../platform/platform-rooms.fixture.ts';
import { keys } from '../store/key-space.ts';
import {
  countArrivals,
  countUnreadable,
  noBundles,
  type Party,
  pair,
  say,
  startWorld,
  takeMessages,
  textOf,
  textsOf,
  theirs,
  until,
  type World,
} from './repair.fixture.ts';

const HOUR_MS = 3_600_000;

let world: World;

beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.close());

test('a message that was damaged on its way is sent again, and lies in its place as if nothing had been', async () => {
  const { alice, bob, conversation } = await pair(world);
  const taken = takeMessages(alice);
  await until(() => taken.texts.length === 1);
  world.damageNext({ behind: 1 });
  for (const text of ['one', 'two', 'three']) await bob.client.sendText(conversation, text);
  await until(() => taken.texts.length === 4);
  expect(taken.texts).toEqual(['hello', 'one', 'three', 'two']);
  const items = await theirs(alice, conversation);
  expect(
    items.map(({ content, order, isRepaired }) => [textOf(content), order, isRepaired]),
  ).toEqual([
    ['hello', 'next', undefined],
    ['one', 'next', undefined],
    ['two', 'next', true],
    ['three', 'next', undefined],
  ]);
});

test('what was edited before it was sent again is shown as edited', async () => {
  const { alice, bob, conversation } = await pair(world);
  const mute = toProblem(new ApiError('rate.limited'));
  world.platform.judge = (_message, _number, { username }) =>
    username === 'alice' ? mute : undefined;
  world.damageNext();
  const sent = await bob.client.sendText(conversation, 'a slip');
  await bob.client.whenStored(sent.id);
  await bob.client.whenStored((await bob.client.edit(sent, 'what was meant')).id);
  world.platform.judge = () => undefined;
  await until(async () => (await textsOf(alice, conversation)).includes('what was meant'));
  const repaired = (await theirs(alice, conversation)).find(({ id }) => id === sent.id);
  expect(repaired).toMatchObject({ isRepaired: true, isEdited: true });
});

test('what the platform calls a word between devices is shown all the same when it is for people', async () => {
  const { alice, bob, conversation } = await pair(world);
  const unreadable = vi.fn();
  alice.client.on('unreadable', unreadable);
  world.damageNext({ as: 'targeted' });
  for (const text of ['hidden', 'open']) await bob.client.sendText(conversation, text);
  await until(async () => (await textsOf(alice, conversation)).length === 3);
  expect(await textsOf(alice, conversation)).toEqual(['hello', 'hidden', 'open']);
  expect(unreadable).not.toHaveBeenCalled();
});

test.each([
  ['cannot be read', () => Uint8Array.of(1, 2, 3)],
  ['are those of an older copy', (before: Uint8Array) => before],
])('two devices go on talking when the sessions in both stores %s', async (_, worse) => {
  const { alice, bob, conversation } = await pair(world);
  const before = [await sessionsOf(alice), await sessionsOf(bob)];
  for (const text of ['a', 'b']) await say(alice, bob, { conversation, text });
  for (const text of ['c', 'd']) await say(bob, alice, { conversation, text });
  for (const [index, { store }] of [alice, bob].entries()) {
    await store.transaction(async (transaction) => {
      for (const { key, value } of before[index]!) await transaction.put(key, worse(value));
    });
  }
  for (let number = 0; number < 5; number++) {
    await alice.client.sendText(conversation, `from alice ${number}`);
    await bob.client.sendText(conversation, `from bob ${number}`);
  }
  const numbers = [0, 1, 2, 3, 4];
  await until(async () => (await theirs(alice, conversation)).length === 8);
  await until(async () => (await theirs(bob, conversation)).length === 8);
  expect(await textsOf(alice, conversation)).toEqual([
    ...['hello', 'c', 'd'],
    ...numbers.map((number) => `from bob ${number}`),
  ]);
  expect(await textsOf(bob, conversation)).toEqual([
    ...['hello yourself', 'a', 'b'],
    ...numbers.map((number) => `from alice ${number}`),
  ]);
});

test('a message is sent again after both have been away, and the loop over messages gets it', async () => {
  const { alice, bob, conversation } = await pair(world);
  world.damageNext();
  await bob.client.whenStored((await bob.client.sendText(conversation, 'late but there')).id);
  await bob.client.close();
  await until(() => world.toldBy('alice') === 1);
  await alice.client.close();
  const back = await world.reopened(bob);
  await until(() => world.toldBy('bob') === 1);
  await back.client.close();
  const again = await world.reopened(alice);
  const taken = takeMessages(again);
  await until(() => taken.texts.includes('late but there'));
});

test('what could not be read is asked for in the session that there is when the platform hands out no more bundles', async () => {
  const { alice, bob, conversation } = await pair(world);
  await say(bob, alice, { conversation, text: 'before' });
  world.platform.failCall = noBundles;
  world.damageNext();
  await bob.client.sendText(conversation, 'lost');
  await until(async () => (await textsOf(alice, conversation)).includes('lost'));
  await say(alice, bob, { conversation, text: 'nothing is held up' });
});

test('a text that fills a message by itself is sent again in pieces', async () => {
  const { alice, bob, conversation } = await pair(world);
  world.damageNext();
  const long = 'x'.repeat(60_000);
  await bob.client.sendText(conversation, long);
  await until(async () => (await textsOf(alice, conversation)).includes(long));
  expect(world.toldBy('bob')).toBe(2);
});

test('a message that nobody answers for is asked for four times, however long and whatever else comes', async () => {
  const { alice, bob, conversation } = await pair(world);
  world.damageNext();
  await bob.client.whenStored((await bob.client.sendText(conversation, 'lost')).id);
  await bob.client.close();
  await until(() => world.toldBy('alice') === 1);
  for (let day = 0; day < 6; day++) {
    const before = world.toldBy('alice');
    world.aheadMs += 25 * HOUR_MS;
    world.platform.cutAll();
    if (day < 3) await until(() => world.toldBy('alice') === before + 1);
    else await alice.client.whenStored((await alice.client.sendText(conversation, 'day')).id);
  }
  expect(world.toldBy('alice')).toBe(4);
});

test('a forged message costs its supposed sender nothing but questions', async () => {
  const { bob, conversation } = await pair(world);
  const trouble = vi.fn();
  bob.client.on('trouble', trouble);
  const room = world.platform.rooms[0]!;
  const sent = () => room.messages.filter(({ from }) => from.username === 'bob').length;
  const to = world.device('alice').device;
  const seq = room.messages.length + 1;
  const id = '01890000-0000-7000-8000-00000000beef' as MessageId;
  const ciphertext = new Uint8Array(200).fill(7);
  room.messages.push({
    message: { kind: 'direct', id, conversation, recipients: [{ device: to, ciphertext }] },
    from: world.device('bob'),
    stored: { id, conversation, seq, sentAt: '2026-01-01T00:00:00.000Z' },
  });
  const before = sent();
  world.platform.cutAll();
  await until(() => world.toldBy('alice') === 1);
  await bob.client.whenStored((await bob.client.sendText(conversation, 'here I am')).id);
  expect(sent()).toBe(before + 1);
});

test('who took over an account and was accepted gets nothing that was written before', async () => {
  const { alice, bob, conversation } = await pair(world);
  const secret = await alice.client.sendText(conversation, 'for the old Bob');
  await alice.client.whenStored(secret.id);
  await alice.store.transaction(async (transaction) => {
    const key = keys.peer(world.device('bob').user);
    const peer = JSON.parse(new TextDecoder().decode(await transaction.get(key)));
    const accepted = { ...peer, acceptedAt: Date.now() };
    await transaction.put(key, new TextEncoder().encode(JSON.stringify(accepted)));
  });
  const later = await alice.client.sendText(conversation, 'for the new Bob');
  await alice.client.whenStored(later.id);
  const of = world.device('alice').device;
  await world.tell(bob, alice, {
    conversation,
    control: { type: 'resend', of, ids: [secret.id, later.id] },
  });
  await say(bob, alice, { conversation, text: 'give me all of it' });
  await until(() => world.toldBy('alice') > 0);
  await say(alice, bob, { conversation, text: 'and that is all' });
  expect(world.toldBy('alice')).toBe(1);
});

test('nothing that can be read is replaced by what is said to be it again', async () => {
  const { alice, bob, conversation } = await pair(world);
  const { id } = await bob.client.sendText(conversation, 'my word');
  await until(async () => (await textsOf(alice, conversation)).includes('my word'));
  const of = world.device('bob').device;
  const content = encodeContent({ type: 'text', text: 'another word' });
  const facts = { of, id, counter: 2, time: 1, offset: 0, size: content.length, content };
  await world.tell(bob, alice, { conversation, control: { type: 'again', ...facts } });
  await say(bob, alice, { conversation, text: 'then' });
  expect(await textsOf(alice, conversation)).toEqual(['hello', 'my word', 'then']);
});

test('what could not be read is taken again although other bytes came under its id elsewhere', async () => {
  const { alice, bob, conversation } = await pair(world);
  const { id: group } = await alice.client.groups.create({ members: [world.device('bob').user] });
  await say(bob, alice, { conversation: group, text: 'hello all' });
  await alice.client.close();
  const { id } = await bob.client.sendText(conversation, 'lost');
  const noise = await bob.client.sendText(group, 'noise');
  for (const sent of [id, noise.id]) await bob.client.whenStored(sent);
  await bob.client.close();
  world.platform.show = (slot) => {
    if (slot.type !== 'message' || (slot.id !== id && slot.id !== noise.id)) return [slot];
    const ciphertext = Uint8Array.of(7);
    return [slot.id === id ? { ...slot, ciphertext } : { ...slot, id, kind: 'direct', ciphertext }];
  };
  const again = await world.reopened(alice);
  for (const each of [conversation, group]) {
    await until(async () => (await countUnreadable(again, each)) === 1);
  }
  await world.reopened(bob);
  await until(async () => (await textsOf(again, conversation)).includes('lost'));
  expect(await textsOf(again, group)).toEqual(['hello all']);
});

test('what was refused does not stand in the way of the message whose id it had', async () => {
  const { alice, bob, conversation } = await pair(world);
  const [one, two, three] = await sayUnheard(bob, alice, conversation);
  world.platform.show = (slot) => {
    if (slot.type !== 'message') return [slot];
    if (slot.id === one.id) return [{ ...slot, kind: 'targeted', ciphertext: two.ciphertext }];
    return [slot.id === three.id ? { ...slot, ...one, seq: slot.seq } : slot];
  };
  const again = await world.reopened(alice);
  await until(async () => (await textsOf(again, conversation)).length === 3);
  expect(await textsOf(again, conversation)).toEqual(['hello', 'two', 'one']);
});

test('what was refused is not asked for when it comes in its place again', async () => {
  const { alice, bob, conversation } = await pair(world);
  const [one, two] = await sayUnheard(bob, alice, conversation);
  world.platform.show = (slot) => {
    if (slot.type !== 'message' || slot.id !== one.id) return [slot];
    return [{ ...slot, kind: 'targeted', ciphertext: two.ciphertext }];
  };
  const again = await world.reopened(alice);
  await until(async () => (await textsOf(again, conversation)).length === 3);
  const asked = world.toldBy('alice');
  world.device('alice').cursors.clear();
  world.aheadMs += HOUR_MS;
  world.platform.cutAll();
  world.damageNext();
  await say(bob, again, { conversation, text: 'asked for alone' });
  expect(world.toldBy('alice')).toBe(asked + 1);
  expect(await textsOf(again, conversation)).toEqual(['hello', 'two', 'three', 'asked for alone']);
});

test('a device that asks without end gets so many answers and no more', async () => {
  const { alice, bob, conversation } = await pair(world);
  const { id } = await alice.client.sendText(conversation, 'again and again');
  await alice.client.whenStored(id);
  const of = world.device('alice').device;
  const control = { type: 'resend' as const, of, ids: [id] };
  await world.tell(bob, alice, { conversation, control, times: 520 });
  await say(bob, alice, { conversation, text: 'done' });
  await until(() => world.toldBy('alice') >= 500, 30_000);
  await say(alice, bob, { conversation, text: 'enough' });
  expect(world.toldBy('alice')).toBe(500);
}, 60_000);

test('wherever the one who asks dies meanwhile, each message is there once in the end', async () => {
  for (let step = 1, isReached = true; isReached; step++) {
    await world.close();
    world = await startWorld();
    const { alice, bob, conversation } = await pair(world);
    const mortal = alice.dieAt(step);
    world.damageNext({ behind: 1 });
    for (const text of ['one', 'two', 'three']) await bob.client.sendText(conversation, text);
    const isWhole = async (party: Party) => (await textsOf(party, conversation)).length === 4;
    await until(async () => mortal.isDead() || (await isWhole(alice)));
    isReached = mortal.isDead();
    await alice.client.close();
    const back = isReached ? await world.reopened(alice) : alice;
    if (isReached) await until(() => isWhole(back));
    expect(await textsOf(back, conversation)).toEqual(['hello', 'one', 'two', 'three']);
    expect(await countUnreadable(back, conversation)).toBe(0);
    expect(await countArrivals(back)).toBe(4);
  }
}, 180_000);

test('wherever the one who answers dies meanwhile, each message is there once in the end', async () => {
  for (let step = 1, isReached = true; isReached; step++) {
    await world.close();
    world = await startWorld();
    const { alice, bob, conversation } = await pair(world);
    world.damageNext({ behind: 1 });
    for (const text of ['one', 'two', 'three']) {
      await bob.client.whenStored((await bob.client.sendText(conversation, text)).id);
    }
    const mortal = bob.dieAt(step);
    const isWhole = async () => (await textsOf(alice, conversation)).length === 4;
    await until(async () => mortal.isDead() || (await isWhole()));
    isReached = mortal.isDead();
    if (isReached) await world.reopened(bob);
    await until(isWhole);
    expect(await textsOf(alice, conversation)).toEqual(['hello', 'one', 'two', 'three']);
    expect(await countArrivals(alice)).toBe(4);
  }
}, 180_000);

/** Has one say three things that the other one is to hear with the next connection. */
async function sayUnheard(from: Party, to: Party, conversation: ConversationId) {
  await to.client.close();
  const said: { id: MessageId; ciphertext: Uint8Array }[] = [];
  for (const text of ['one', 'two', 'three']) {
    const { id } = await from.client.sendText(conversation, text);
    await from.client.whenStored(id);
    const { message } = world.platform.rooms[0]!.messages.at(-1)!;
    const isFor = ({ device }: Recipient) => device === world.device(to.name).device;
    said.push({ id, ciphertext: addressedBy(message).find(isFor)!.ciphertext });
  }
  const [one, two, three] = said;
  return [one!, two!, three!] as const;
}

function sessionsOf({ store }: Party) {
  return store.transaction((transaction) =>
    transaction.list({ prefix: keys.sessions(), limit: 10 }),
  );
}
