import { MessageId } from '@sotto/api';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ANNOTATIONS_WAITING_MAX } from '../limits.ts';
import { addressedBy } from '../platform/platform-operations.fixture.ts';
import {
  allRecords,
  countUnder,
  forge,
  lineOf,
  lines,
  messages,
  openPair,
  type Pair,
  texts,
  until,
} from './content.fixture.ts';
import type { Content } from './content.ts';
import type { MessageReference } from './message-reference.ts';

let pair: Pair;

beforeEach(async () => {
  pair = await openPair();
});
afterEach(() => pair.close());

const reactions = async (person: Pair['bob'], text: string) =>
  (await lineOf(person, pair.conversation, text)).reactions.map(
    ({ emoji, users }) => `${emoji} ${users.length}`,
  );

test('a reaction shows on both sides, is replaced by the next one, and taken back by null', async () => {
  const { alice, bob, conversation } = pair;
  const line = await lineOf(bob, conversation, 'hello');
  await bob.client.react(line, '👍');
  expect(await reactions(bob, 'hello')).toEqual(['👍 1']); // Before it has left.
  await until(async () => expect(await reactions(alice, 'hello')).toEqual(['👍 1']));
  await alice.client.react(line, '👍');
  await until(async () => expect(await reactions(bob, 'hello')).toEqual(['👍 2']));
  await bob.client.react(line, '🎉');
  await until(async () => expect(await reactions(alice, 'hello')).toEqual(['👍 1', '🎉 1']));
  await bob.client.react(line, null);
  await until(async () => expect(await reactions(alice, 'hello')).toEqual(['👍 1']));
  expect(await texts(alice, conversation)).toEqual(['hello']); // No lines of their own.
});

test('an edit changes the text everywhere and in the history, and the newest one stays', async () => {
  const { alice, bob, conversation } = pair;
  const line = await lineOf(alice, conversation, 'hello');
  await alice.client.edit(line, 'hello there');
  await alice.client.edit(line, 'hello you');
  await until(async () => expect(await alice.client.unsent(conversation)).toEqual([]));
  for (const person of [alice, bob]) {
    await until(async () => expect(await texts(person, conversation)).toEqual(['hello you']));
    const [first] = await messages(person, conversation);
    expect(first).toMatchObject({ content: { text: 'hello you' }, isEdited: true });
    expect(JSON.stringify(await messages(person, conversation))).not.toContain('hello there');
  }
  expect((await lines(bob, conversation))[0]).toMatchObject({ body: { isEdited: true } });
});

test('what was taken back is in no record of any store, with its edits and reactions', async () => {
  const { alice, bob, conversation } = pair;
  const line = await lineOf(alice, conversation, 'hello');
  await bob.client.react(line, '😱');
  await alice.client.edit(line, 'a secret');
  await until(async () => expect(await texts(bob, conversation)).toEqual(['a secret']));
  await until(async () => expect(await reactions(alice, 'a secret')).toEqual(['😱 1']));
  await alice.client.deleteMessage(line);
  for (const person of [alice, bob]) {
    await until(async () => expect(await texts(person, conversation)).toEqual(['deleted']));
    await until(async () => expect(await alice.client.unsent(conversation)).toEqual([]));
    expect(JSON.stringify(await messages(person, conversation))).not.toMatch(/secret|hello|😱/);
    expect(await countUnder(person, `annotation/${conversation}/`)).toBe(0);
    expect(await allRecords(person)).not.toMatch(/a secret|hello|😱/);
  }
  await expect(alice.client.edit(line, 'again')).rejects.toMatchObject({ code: 'message.fixed' });
  await expect(bob.client.react(line, '🙃')).rejects.toMatchObject({ code: 'message.fixed' });
});

test('nobody changes or takes back what somebody else has said', async () => {
  const { alice, bob, conversation } = pair;
  const line = await lineOf(bob, conversation, 'hello');
  const refused = { code: 'message.fixed' };
  await expect(bob.client.edit(line, 'mine now')).rejects.toMatchObject(refused);
  await expect(bob.client.deleteMessage(line)).rejects.toMatchObject(refused);
  const about = line.reference!;
  await forge(bob, conversation, { type: 'edit', of: about, text: 'mine now' });
  await forge(bob, conversation, { type: 'delete', of: about });
  await bob.client.sendText(conversation, 'done');
  await until(async () => expect(await texts(alice, conversation)).toContain('done'));
  expect(await texts(alice, conversation)).toEqual(['hello', 'done']);
  expect(await texts(bob, conversation)).toEqual(['hello', 'done']);
  const [, kept] = await messages(alice, conversation);
  expect(kept).toMatchObject({ content: { text: 'done' } }); // What does not count is not kept.
});

test('what came before its message is applied when that comes, whoever may have said it', async () => {
  const { alice, bob, conversation, platform } = pair;
  const held = heldFrom(pair, 'bob');
  const sent = await alice.client.sendText(conversation, 'first');
  await alice.client.whenStored(sent.id);
  await alice.client.edit(sent, 'second');
  await alice.client.react(sent, '👀');
  const forged = { type: 'edit', of: sent.reference, text: 'forged' } as const;
  await until(() => expect(platform.rooms[0]!.messages).toHaveLength(4));
  await forge(bob, conversation, forged);
  await bob.client.sendText(conversation, 'done');
  await until(() => expect(platform.rooms[0]!.messages).toHaveLength(6));
  expect(await texts(bob, conversation)).not.toContain('first');
  held.release();
  await until(async () => expect(await texts(bob, conversation)).toContain('second'));
  expect(await reactions(bob, 'second')).toEqual(['👀 1']);
  expect(await countUnder(bob, `waiting-annotation/${conversation}/`)).toBe(0);
});

test('edits of one message that the platform delivers in another order come to the same', async () => {
  const { alice, bob, conversation, platform } = pair;
  const line = await lineOf(alice, conversation, 'hello');
  const swap = new Map([
    [2, 3],
    [3, 2],
  ]);
  // Both are in the outbox before the platform hears of any: bob gets each in the place of the other.
  platform.show = (slot, to) => {
    if (slot.type !== 'message' || to.username !== 'bob') return [slot];
    const other = platform.rooms[0]!.messages[(swap.get(slot.seq) ?? slot.seq) - 1];
    if (other === undefined) return [];
    const { ciphertext } = addressedBy(other.message).find(({ device }) => device === to.device)!;
    return [{ ...slot, id: other.stored.id, ciphertext }];
  };
  await alice.client.edit(line, 'older');
  await alice.client.edit(line, 'newer');
  await alice.client.sendText(conversation, 'done');
  await until(async () => expect(await texts(bob, conversation)).toContain('done'));
  expect(await texts(bob, conversation)).toEqual(['newer', 'done']);
});

test('what is said last counts, also when the clock went back while nothing left', async () => {
  const { bob, conversation, clock } = pair;
  const line = await lineOf(pair.alice, conversation, 'hello');
  await pair.alice.client.close();
  const alice = pair.open(pair.alice.store);
  await alice.client.edit(line, 'first');
  await alice.client.react(line, '👍');
  clock.offset = -5_000;
  await alice.client.edit(line, 'second');
  await alice.client.react(line, '🎉');
  clock.offset = 0;
  await alice.client.connect();
  await until(async () => expect(await alice.client.unsent(conversation)).toEqual([]));
  for (const person of [alice, bob]) {
    await until(async () => expect(await texts(person, conversation)).toEqual(['second']));
    await until(async () => expect(await reactions(person, 'second')).toEqual(['🎉 1']));
  }
});

test('a member who reacts without end leaves one reaction, and nothing else', async () => {
  const { alice, bob, conversation } = pair;
  const line = await lineOf(bob, conversation, 'hello');
  for (let count = 0; count < 40; count++) {
    await bob.client.react(line, count % 2 === 0 ? '👍' : '👎');
  }
  await until(async () => expect(await bob.client.unsent(conversation)).toEqual([]));
  await until(async () => expect(await reactions(alice, 'hello')).toEqual(['👎 1']));
  expect(await messages(alice, conversation)).toHaveLength(2);
});

test('a member who speaks of messages that nobody has sent fills nothing', async () => {
  const { alice, bob, conversation } = pair;
  const { device } = (await lineOf(bob, conversation, 'hello')).reference!;
  const count = ANNOTATIONS_WAITING_MAX + 20;
  for (let number = 0; number < count; number++) {
    const to = { device, id: fakeId(number) };
    await forge(bob, conversation, { type: 'reaction', to, emoji: '💥' });
  }
  await bob.client.sendText(conversation, 'done');
  await until(async () => expect(await texts(alice, conversation)).toContain('done'));
  const bounds = [`annotation/${conversation}/`, `waiting-annotation/${conversation}/`];
  for (const prefix of bounds) {
    expect(await countUnder(alice, prefix)).toBe(ANNOTATIONS_WAITING_MAX);
  }
  expect(await messages(alice, conversation)).toHaveLength(ANNOTATIONS_WAITING_MAX + 2);
}, 60_000);

test('an emoji of 10 KB is not taken for one', async () => {
  const { alice, bob, conversation } = pair;
  const to = (await lineOf(bob, conversation, 'hello')).reference!;
  const huge = JSON.stringify({ v: 1, type: 'reaction', to, emoji: '💣'.repeat(2_560) });
  await forge(bob, conversation, new TextEncoder().encode(huge));
  await bob.client.sendText(conversation, 'done');
  await until(async () => expect(await texts(alice, conversation)).toContain('done'));
  expect(await reactions(alice, 'hello')).toEqual([]);
  expect(await lines(alice, conversation)).toContainEqual(
    expect.objectContaining({ body: { type: 'unreadable', cause: 'content.invalid' } }),
  );
  await expect(bob.client.react({ conversation, reference: to }, '💣'.repeat(99))).rejects.toEqual(
    expect.objectContaining({ code: 'content.invalid' }),
  );
});

test('reactions to what has no words, and to what is in another conversation, change nothing', async () => {
  const { alice, bob, conversation } = pair;
  const timer = await alice.client.setTimer(conversation, 3_600);
  const known = { device: (await lineOf(alice, conversation, 'hello')).reference!.device };
  const about = (id: MessageId): MessageReference => ({ ...known, id });
  await until(async () => expect(await texts(bob, conversation)).toEqual(['hello', 'timer']));
  await expect(
    bob.client.react({ conversation, reference: about(timer.id) }, '⏳'),
  ).rejects.toMatchObject({ code: 'message.fixed' });
  await expect(
    bob.client.react({ conversation, reference: about(fakeId(1)) }, '⏳'),
  ).rejects.toMatchObject({ code: 'message.unknown' });
  const content: Content = { type: 'reaction', to: about(timer.id), emoji: '⏳' };
  await forge(bob, conversation, content);
  await bob.client.sendText(conversation, 'done');
  await until(async () => expect(await texts(alice, conversation)).toContain('done'));
  expect((await lines(alice, conversation)).map((line) => line.reactions)).toEqual([[], [], []]);
});

test('another own device reacts, edits and takes back as this one does', async () => {
  const { alice, bob, conversation } = pair;
  const second = await pair.linkBob();
  await bob.client.sendText(conversation, 'from the first');
  // The platform's refusal tells the first device of the second one, as it does whoever writes.
  await until(async () => expect(await texts(second, conversation)).toEqual(['from the first']));
  const line = await lineOf(second, conversation, 'from the first');
  expect(line.isOwn).toBe(true);
  await second.client.edit(line, 'from the second');
  for (const person of [alice, bob, second]) {
    await until(async () => expect(await texts(person, conversation)).toContain('from the second'));
  }
  await bob.client.deleteMessage(line);
  for (const person of [alice, bob, second]) {
    await until(async () => expect(await texts(person, conversation)).toContain('deleted'));
  }
});

function fakeId(number: number): MessageId {
  return MessageId.parse(`018f2d3e-1111-7abc-8def-${String(number).padStart(12, '0')}`);
}

/** Has the platform show the second place of the conversation to nobody of this name before it is released. */
function heldFrom({ platform }: Pair, username: string) {
  let isHeld = true;
  platform.show = (slot, to) => {
    const isIt = slot.type === 'message' && slot.seq === 2 && to.username === username;
    return isHeld && isIt ? [{ type: 'none', from: 2, to: 2 }] : [slot];
  };
  return {
    release() {
      isHeld = false;
      for (const { username: name, socket, cursors } of platform.devices) {
        if (name !== username) continue;
        cursors.set(platform.rooms[0]!.id, 1); // As if it had never had what came after.
        socket?.terminate();
      }
    },
  };
}
