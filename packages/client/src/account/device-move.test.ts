import { ApiError, ConversationId, DeviceId, MessageId, SessionId, UserId } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { expect, test, vi } from 'vitest';
import type { Sent } from '../client-talk.ts';
import {
  lineOf,
  openPair,
  type Pair,
  type Person,
  texts,
  until,
} from '../messages/content.fixture.ts';
import { type Content, decodeContent, encodeContent } from '../messages/content.ts';
import { ConversationRecord } from '../messages/conversation-record.ts';
import { writeCursor } from '../messages/conversations.ts';
import { OutboxEntry, putEntry } from '../messages/outbox-entry.ts';
import { keys } from '../store/key-space.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { decodeRecord, putRecord } from '../store/stored-record.ts';
import { becomeAnotherDevice } from './device-move.ts';
import { Account, Cursor } from './records.ts';

const [FROM, TO, OTHER] = [idOf(1), idOf(2), idOf(3)].map((id) => DeviceId.parse(id)) as [
  DeviceId,
  DeviceId,
  DeviceId,
];
const CONVERSATION = ConversationId.parse(idOf(9));
const LEFT = ConversationId.parse(idOf(10));
const USER = UserId.parse(idOf(4));
const WAITING = MessageId.parse(idOf(21));
const STORED = MessageId.parse(idOf(22));

test('what waits and speaks of what waits names it by the device that will send it; all else keeps its name', async () => {
  const store = openMemoryStore();
  const ofWaiting = { device: FROM, id: WAITING };
  const ofStored = { device: FROM, id: STORED };
  const contents: Content[] = [
    { type: 'text', text: 'waits' },
    { type: 'edit', of: ofWaiting, text: 'waits still' },
    { type: 'reaction', to: { device: OTHER, id: WAITING }, emoji: '👍' },
    { type: 'text', text: 'an answer', replyTo: ofWaiting },
    { type: 'delete', of: ofStored },
  ];
  await store.transaction(async (transaction) => {
    for (const [index, content] of contents.entries()) {
      const id = index === 0 ? WAITING : MessageId.parse(idOf(30 + index));
      const entry = { id, conversation: CONVERSATION, counter: index + 1, time: 1 };
      const open = { content: encodeContent(content), recipients: [], sealed: false };
      await putEntry(transaction, { ...entry, ...open });
    }
    await becomeAnotherDevice(transaction, nodeProvider, { from: FROM, to: TO });
  });
  const entries = await store.transaction((transaction) =>
    transaction.list({ prefix: keys.outbox(CONVERSATION), limit: 10 }),
  );
  const left = entries.map(({ value }) => decodeRecord(OutboxEntry, value));
  expect(left.map(({ sealed }) => sealed)).toEqual(left.map(() => false));
  const moved = { device: TO, id: WAITING };
  expect(left.map(({ content }) => decodeContent(content))).toEqual([
    contents[0],
    { type: 'edit', of: moved, text: 'waits still' },
    contents[2],
    { type: 'text', text: 'an answer', replyTo: moved },
    contents[4],
  ]);
});

test('what may have arrived is not said again, but for what counts once however often it is said', async () => {
  const store = openMemoryStore();
  const text = { type: 'text', text: 'may have arrived' } as const;
  const ofText = { device: FROM, id: WAITING };
  const contents: [Content, Partial<OutboxEntry>][] = [
    [text, { sealed: true }],
    [text, { hasLeft: true }],
    [{ type: 'timer', seconds: 60 }, { sealed: true }],
    [{ type: 'reaction', to: ofText, emoji: '👍' }, { sealed: true }],
    [{ type: 'edit', of: ofText, text: 'has arrived' }, {}],
    [text, {}],
  ];
  const { failed, waiting } = await store.transaction(async (transaction) => {
    for (const [index, [content, state]] of contents.entries()) {
      const id = index === 0 ? WAITING : MessageId.parse(idOf(30 + index));
      const entry = { id, conversation: CONVERSATION, counter: index + 1, time: 1 };
      const open = { content: encodeContent(content), recipients: [], sealed: false };
      await putEntry(transaction, { ...entry, ...open, ...state });
    }
    await becomeAnotherDevice(transaction, nodeProvider, { from: FROM, to: TO });
    return {
      failed: await transaction.list({ prefix: keys.failedIn(CONVERSATION), limit: 10 }),
      waiting: await transaction.list({ prefix: keys.outbox(CONVERSATION), limit: 10 }),
    };
  });
  const contentsOf = (entries: typeof failed) =>
    entries.map(({ value }) => decodeContent(decodeRecord(OutboxEntry, value).content));
  const [ones, others] = [contents.slice(1, 3), contents.slice(3)];
  const first = { ...text, text: 'has arrived' };
  expect(contentsOf(failed)).toEqual([first, ...ones.map(([content]) => content)]);
  // If it has arrived, it has under the name that it had.
  expect(contentsOf(waiting)).toEqual(others.map(([content]) => content));
});

test('what the platform has given the device before is no sign of a stale store, and who comes back is listed', async () => {
  const store = openMemoryStore();
  const kept = await store.transaction(async (transaction) => {
    const account = {
      user: USER,
      device: FROM,
      session: SessionId.parse(idOf(5)),
      username: 'bob',
    };
    await putRecord(transaction, keys.account, [Account, account]);
    const record = { kind: 'direct' as const, members: [USER] };
    for (const [id, seq] of [
      [CONVERSATION, 7],
      [LEFT, 8],
    ] as const) {
      const members = id === LEFT ? [] : record.members;
      const conversation = { ...record, id, members };
      await putRecord(transaction, keys.conversation(id), [ConversationRecord, conversation]);
      await writeCursor(transaction, id, seq);
    }
    await becomeAnotherDevice(transaction, nodeProvider, { from: FROM, to: TO });
    await becomeAnotherDevice(transaction, nodeProvider, { from: TO, to: FROM });
    return {
      passed: await transaction.list({ prefix: keys.allPassedOver, limit: 10 }),
      former: await transaction.list({ prefix: keys.formerDevices, limit: 10 }),
    };
  });
  expect(kept.passed.map(({ key }) => key)).toEqual([keys.passedOver(CONVERSATION)]);
  expect(decodeRecord(Cursor, kept.passed[0]!.value)).toEqual({ seq: 7 });
  expect(kept.former.map(({ key }) => key)).toEqual([keys.formerDevice(TO)]);
});

function idOf(number: number): string {
  return `0193f000-0000-7000-8000-${String(number).padStart(12, '0')}`;
}

test('what may be stored already is for a person to send again as another device, and nobody sees it twice', async () => {
  const pair = await openPair();
  const { bob, conversation } = pair;
  let waiting: Sent | undefined;
  const { back, sent, failed } = await comeBackUnheard(pair, async ({ client }) => {
    waiting = await client.sendText(conversation, 'waits');
  });
  await back.client.whenStored(waiting!.id);
  const said = ['hello', UNHEARD, 'waits'];
  await until(async () => expect(await texts(bob, conversation)).toContain('waits'));
  expect(await texts(bob, conversation)).toEqual(said);
  const { id } = sent;
  await expect(back.client.whenStored(id)).rejects.toMatchObject({ code: 'message.refused' });
  expect(failed.mock.calls).toEqual([[{ id, conversation, code: 'auth.device-unknown' }]]);
  await pair.close();
});

test('a text that may be stored fails with the words that it was to have', async () => {
  const pair = await openPair();
  const { bob, conversation } = pair;
  let edit: { id: MessageId } | undefined;
  const { back } = await comeBackUnheard(pair, async ({ client }, sent) => {
    await client.edit(sent, 'no words');
    edit = await client.edit(sent, 'other words');
  });
  await back.client.whenStored(edit!.id);
  const line = await lineOf(back, conversation, 'other words');
  expect(line.status).toBe('failed');
  await until(async () => expect(await texts(bob, conversation)).toEqual(['hello', 'other words']));
  await pair.close();
});

test('a text that may be stored and was taken back does not come back', async () => {
  const pair = await openPair();
  const { bob, conversation } = pair;
  let deletion: { id: MessageId } | undefined;
  const { back, sent } = await comeBackUnheard(pair, async ({ client }, text) => {
    deletion = await client.deleteMessage(text);
    await client.edit(text, 'too late');
  });
  expect(await texts(back, conversation)).toEqual(['hello']);
  await back.client.whenStored(deletion!.id);
  expect(await texts(back, conversation)).toEqual(['hello']);
  await until(async () => expect(await texts(bob, conversation)).toEqual(['hello', 'deleted']));
  await expect(back.client.whenStored(sent.id)).rejects.toMatchObject({ code: 'message.refused' });
  await pair.close();
});

test('whoever deletes what has failed takes it back from those who have it', async () => {
  const pair = await openPair();
  const { bob, conversation } = pair;
  const { back } = await comeBackUnheard(pair, ({ client }) =>
    client.sendText(conversation, 'waits'),
  );
  const seen = ['hello', UNHEARD, 'waits'];
  await until(async () => expect(await texts(bob, conversation)).toEqual(seen));
  await back.client.deleteMessage(await lineOf(back, conversation, UNHEARD));
  expect(await texts(back, conversation)).toEqual(['hello', 'waits']);
  const left = ['hello', 'deleted', 'waits'];
  await until(async () => expect(await texts(bob, conversation)).toEqual(left));
  await pair.close();
});

test('what has failed is deleted here alone in a group that the account has left', async () => {
  const pair = await openPair();
  const { alice } = pair;
  const bob = await alice.client.findUser('bob');
  const { id: conversation } = await alice.client.groups.create({ members: [bob!.user] });
  const { back } = await comeBackUnheard({ ...pair, conversation });
  await back.client.groups.leave(conversation);
  await back.client.deleteMessage(await lineOf(back, conversation, UNHEARD));
  expect(await texts(back, conversation)).not.toContain(UNHEARD);
  expect(await back.client.unsent(conversation)).toEqual([]);
  await pair.close();
});

const UNHEARD = 'stored, and never told';

/** A text of alice is stored, and she never hears of it; after `meanwhile` her client comes back as another device. */
async function comeBackUnheard(
  { alice, conversation, platform, open }: Pair,
  meanwhile: (back: Person, sent: Sent) => Promise<unknown> = async () => {},
) {
  let closing: Promise<void> | undefined;
  platform.judge = () => {
    closing ??= alice.client.close();
    return 'cut';
  };
  const sent = await alice.client.sendText(conversation, UNHEARD);
  await until(() => expect(closing).toBeDefined());
  await closing;
  platform.judge = () => undefined;
  let isRefused = false;
  platform.failCall = (operation) => {
    if (operation !== 'login' || isRefused) return undefined;
    isRefused = true;
    return new ApiError('auth.device-unknown');
  };
  const back = open(alice.store);
  await meanwhile(back, sent);
  const failed = vi.fn();
  back.client.on('failed', failed);
  await back.client.login({ username: 'alice', password: 'Secret!23' });
  await back.client.connect();
  return { back, sent, failed };
}
