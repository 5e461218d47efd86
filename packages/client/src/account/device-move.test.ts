import { ConversationId, DeviceId, MessageId, SessionId, UserId } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { expect, test } from 'vitest';
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
      const open = { content: encodeContent(content), recipients: [], sealed: true };
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
