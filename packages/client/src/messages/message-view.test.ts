import { ApiError, type ConversationId, type MessageId, toProblem, type UserId } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openMemoryStore } from '../store/store-memory.ts';
import { loadLocalParty } from '../trust/sessions.ts';
import {
  lineOf,
  lines,
  messages,
  openPair,
  type Pair,
  type Person,
  texts,
  until,
} from './content.fixture.ts';
import { keepItem, writeCursor } from './conversations.ts';
import type { Message } from './history-item.ts';
import { countUnread, viewMessages } from './message-view.ts';

let pair: Pair;

beforeEach(async () => {
  pair = await openPair();
});
afterEach(() => pair.close());

const unsent = ({ client }: Person) => client.unsent(pair.conversation);

test('what waits is the end of the conversation, and what it says of others shows already', async () => {
  const { alice, bob, conversation } = pair;
  const offline = await unconnected(alice);
  const hello = await lineOf(offline, conversation, 'hello');
  const sent = await offline.client.sendText(conversation, 'later', { replyTo: hello });
  await offline.client.edit(hello, 'hello?');
  await offline.client.react(hello, '🙂');
  await offline.client.react(sent, '⏳');
  const [first, second] = await lines(offline, conversation);
  expect(first).toMatchObject({ body: { text: 'hello?', isEdited: true }, status: 'stored' });
  expect(first!.reactions).toMatchObject([{ emoji: '🙂' }]);
  expect(second).toMatchObject({ status: 'waiting', isOwn: true, replyTo: hello.reference });
  expect(second!.reactions).toMatchObject([{ emoji: '⏳' }]);
  await offline.client.connect();
  await until(async () => expect(await texts(bob, conversation)).toEqual(['hello?', 'later']));
  await until(async () => expect(await unsent(offline)).toEqual([]));
  const stored = await lines(offline, conversation);
  expect(stored.map(({ status }) => status)).not.toContain('waiting');
  expect(stored.map(({ body, reactions }) => ({ body, reactions }))).toEqual([
    { body: first!.body, reactions: first!.reactions },
    { body: second!.body, reactions: second!.reactions },
  ]);
});

test('what has not left is changed where it waits, and nobody learns what it said before', async () => {
  const { alice, bob, conversation, platform } = pair;
  const offline = await unconnected(alice);
  const sent = await offline.client.sendText(conversation, 'a slip');
  expect(await offline.client.edit(sent, 'what was meant')).toEqual({ id: sent.id });
  const regretted = await offline.client.sendText(conversation, 'never mind');
  await offline.client.deleteMessage(regretted);
  await offline.client.sendText(conversation, 'done');
  expect(await texts(offline, conversation)).toEqual(['hello', 'what was meant', 'done']);
  await offline.client.connect();
  await until(async () => expect(await texts(bob, conversation)).toContain('done'));
  const shown = await lines(bob, conversation);
  expect(shown.map(({ body }) => body.type === 'text' && [body.text, body.isEdited])).toEqual([
    ['hello', false],
    ['what was meant', false],
    ['done', false],
  ]);
  expect(shown.map(({ order }) => order)).toEqual(['next', 'next', 'next']); // No number is missing.
  expect(platform.rooms[0]!.messages).toHaveLength(4);
  expect(JSON.stringify(await messages(bob, conversation))).not.toMatch(/slip|mind/);
  await offline.client.close();
  const again = await pair.reopen(offline); // Its places are passed, though nothing lies there for people.
  await bob.client.sendText(conversation, 'still there?');
  await until(async () => expect(await texts(again, conversation)).toContain('still there?'));
});

test('edits and deletions of what is on its way leave behind it, over a crash too', async () => {
  const { alice, bob, conversation, platform } = pair;
  platform.judge = () => toProblem(new ApiError('message.busy'));
  const sent = await alice.client.sendText(conversation, 'in flight');
  const gone = await alice.client.sendText(conversation, 'to go');
  await vi.waitFor(() => expect(alice.store.transaction(sealedCount)).resolves.toBe(2));
  await alice.client.edit(sent, 'landed');
  await alice.client.deleteMessage(gone);
  expect(await texts(alice, conversation)).toEqual(['hello', 'landed', 'deleted']);
  await alice.client.close();
  platform.judge = () => undefined;
  const again = await pair.reopen(alice);
  for (const person of [bob, again]) {
    await until(async () =>
      expect(await texts(person, conversation)).toEqual(['hello', 'landed', 'deleted']),
    );
  }
  await until(async () => expect(await unsent(again)).toEqual([]));
  expect(await texts(again, conversation)).toEqual(['hello', 'landed', 'deleted']);
});

test('what was refused stays to be seen, takes no changes, and can be thrown away', async () => {
  const { alice, bob, conversation, platform } = pair;
  let bad: MessageId | undefined;
  platform.judge = (message) =>
    message.id === bad ? toProblem(new ApiError('request.invalid')) : undefined;
  const offline = await unconnected(alice);
  const refused = await offline.client.sendText(conversation, 'refused');
  bad = refused.id;
  await offline.client.connect();
  await expect(offline.client.whenStored(bad)).rejects.toMatchObject({ code: 'message.refused' });
  await offline.client.sendText(conversation, 'taken');
  await until(async () => expect(await texts(bob, conversation)).toEqual(['hello', 'taken']));
  await until(async () => expect(await unsent(offline)).toEqual([]));
  expect(await texts(offline, conversation)).toEqual(['hello', 'taken', 'refused']);
  expect((await lines(offline, conversation)).at(-1)).toMatchObject({ status: 'failed' });
  const fixed = { code: 'message.fixed' };
  await expect(offline.client.edit(refused, 'better')).rejects.toMatchObject(fixed);
  await expect(offline.client.react(refused, '😕')).rejects.toMatchObject(fixed);
  await offline.client.deleteMessage(refused);
  expect(await texts(offline, conversation)).toEqual(['hello', 'taken']);
});

test('what is refused after it was edited or taken back fails as it was to be', async () => {
  const { alice, bob, conversation, platform } = pair;
  platform.judge = () => toProblem(new ApiError('message.busy'));
  const sent = await alice.client.sendText(conversation, 'refused');
  const gone = await alice.client.sendText(conversation, 'refused and gone');
  await vi.waitFor(() => expect(alice.store.transaction(sealedCount)).resolves.toBe(2));
  await alice.client.edit(sent, 'still refused');
  await alice.client.deleteMessage(gone);
  const bad = [sent.id, gone.id];
  platform.judge = ({ id }) =>
    bad.includes(id) ? toProblem(new ApiError('request.invalid')) : undefined;
  for (const id of bad) {
    await expect(alice.client.whenStored(id)).rejects.toMatchObject({ code: 'message.refused' });
  }
  await alice.client.whenStored((await alice.client.sendText(conversation, 'done')).id);
  await until(async () => expect(await texts(bob, conversation)).toEqual(['hello', 'done']));
  expect(await texts(alice, conversation)).toEqual(['hello', 'done', 'still refused']);
});

test('each change of the lines is told once it can be seen', async () => {
  const { alice, bob, conversation } = pair;
  const seen: string[][] = [];
  bob.client.on('lines-changed', (event) => {
    expect(event).toEqual({ conversation });
    void texts(bob, conversation).then((shown) => seen.push(shown));
  });
  const { id } = await alice.client.sendText(conversation, 'two');
  await until(() => expect(seen.at(-1)).toEqual(['hello', 'two']));
  await alice.client.whenStored(id);
  const line = await lineOf(alice, conversation, 'two');
  await alice.client.edit(line, 'three');
  await until(() => expect(seen.at(-1)).toEqual(['hello', 'three']));
  await alice.client.deleteMessage(line);
  await until(() => expect(seen.at(-1)).toEqual(['hello', 'deleted']));
  await bob.client.sendText(conversation, 'four');
  await until(() => expect(seen.at(-1)).toEqual(['hello', 'deleted', 'four']));
});

test('lines come from the end in pages, however far apart their places are', async () => {
  const { alice } = pair;
  const store = openMemoryStore();
  const conversation = crypto.randomUUID() as ConversationId;
  const local = await loadLocalParty(alice.store, nodeProvider);
  const places = [1, 2, 3, 150, 151, 1_000, 2 ** 20 + 1_001, 2 ** 20 + 1_002, 2 ** 21 + 5];
  const [sender] = pair.platform.devices;
  await store.transaction(async (it) => {
    await writeCursor(it, conversation, 2 ** 21 + 3);
    for (const seq of places) await keepItem(it, item(conversation, seq, sender!));
  });
  const reads = vi.fn();
  const page = (before: number | undefined, limit: number) =>
    store.transaction(async (it) => {
      const counted = {
        ...it,
        list(range: Parameters<typeof it.list>[0]) {
          reads();
          return it.list(range);
        },
      };
      const range = before === undefined ? { limit } : { before, limit };
      const shown = await viewMessages(counted, local, conversation, range);
      return shown.map(({ seq }) => seq);
    });
  expect(await page(undefined, 2)).toEqual(places.slice(-2));
  expect(await page(2 ** 20 + 1_002, 3)).toEqual(places.slice(4, 7));
  expect(await page(151, 100)).toEqual(places.slice(0, 4));
  expect(await page(1, 100)).toEqual([]);
  expect(await page(undefined, 100)).toEqual(places);
  expect(reads.mock.calls.length).toBeLessThan(300);
  expect(await store.transaction((it) => countUnread(it, conversation))).toBe(places.length);
});

test('lines further back than what is kept up to date are had by their place', async () => {
  const { alice, conversation } = pair;
  for (const text of ['two', 'three', 'four']) await alice.client.sendText(conversation, text);
  await until(async () => expect(await unsent(alice)).toEqual([]));
  const all = await alice.client.lines(conversation);
  expect(all).toEqual(await lines(alice, conversation));
  const { seq } = all.at(-1)!;
  const below = await alice.client.lines(conversation, { before: seq!, limit: 2 });
  expect(below).toEqual(all.slice(-3, -1));
});

function item(
  conversation: ConversationId,
  seq: number,
  { user, device }: { user: UserId; device: Message['sender']['device'] },
): Message {
  const id = `018f2d3e-1111-7abc-8def-${String(seq).padStart(12, '0')}` as MessageId;
  const content = { type: 'text', text: `${seq}` } as const;
  const sentAt = '2026-01-01T00:00:00.000Z';
  const placed = { id, conversation, seq, sender: { user, device }, sentAt };
  return { type: 'message', ...placed, time: 0, content, own: false, order: 'next' };
}

async function sealedCount(it: Parameters<Parameters<Person['store']['transaction']>[0]>[0]) {
  const entries = await it.list({ prefix: 'outbox/', limit: 100 });
  const decoded = entries.map(({ value }) => JSON.parse(new TextDecoder().decode(value)));
  return decoded.filter(({ sealed }) => sealed).length;
}

/** The same device with no connection. */
async function unconnected(person: Person): Promise<Person> {
  await person.client.close();
  return pair.open(person.store);
}
