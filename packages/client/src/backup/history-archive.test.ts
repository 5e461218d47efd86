/** The history that goes with a link: recent, bounded, and never in the way of what the new device has already. */
import { nodeProvider } from '@sotto/crypto/node';
import { expect, test } from 'vitest';
import { LINK_HISTORY_BYTES_MAX } from '../limits.ts';
import { reactionsTo } from '../messages/annotations.ts';
import type { Content } from '../messages/content.ts';
import { keepItem, readHistory } from '../messages/conversations.ts';
import type { HistoryItem } from '../messages/history-item.ts';
import { referenceOf } from '../messages/message-reference.ts';
import { keys } from '../store/key-space.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { CONVERSATION, messageAt, type Said, say, settle } from './archive.fixture.ts';
import { kindOf } from './archive-kinds.ts';
import { putIfNew, recentRecords } from './history-archive.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const DAY = 24 * 3_600_000;

const daysAgo = (days: number): Said => ({ text: `${days} days ago`, at: NOW - days * DAY });

test('it goes back 30 days', async () => {
  const store = openMemoryStore();
  await settle(store, nodeProvider);
  await say(store, [60, 31, 29, 2, 0].map(daysAgo));
  const records = await Array.fromAsync(recentRecords(store, NOW));
  expect(records.map(({ key }) => key)).toEqual([
    keys.conversation(CONVERSATION),
    ...[3, 4, 5].map((seq) => keys.message(CONVERSATION, seq)),
  ]);
});

test('of what is too much, the newest goes', async () => {
  const store = openMemoryStore();
  await settle(store, nodeProvider);
  const text = 'x'.repeat(50_000);
  const said = Array.from({ length: 200 }, (_, index) => ({
    text,
    at: NOW - (200 - index) * 3_600_000,
  }));
  await say(store, said);
  const records = await Array.fromAsync(recentRecords(store, NOW));
  const bytes = records.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
  expect(bytes).toBeLessThanOrEqual(LINK_HISTORY_BYTES_MAX);
  expect(bytes).toBeGreaterThan(LINK_HISTORY_BYTES_MAX - 60_000);
  expect(records.at(-1)?.key).toBe(keys.message(CONVERSATION, 200));
  const messages = records.filter(({ key }) => kindOf(key) === 'message');
  const first = keys.message(CONVERSATION, 200 - messages.length + 1);
  expect(messages[0]?.key).toBe(first);
});

test('nothing of what is to go away leaves with it, nor what has changed it or was said about it', async () => {
  const store = openMemoryStore();
  await settle(store, nodeProvider);
  await say(store, [
    { text: 'goes', at: NOW, expiresIn: 3_600 },
    { text: 'stays', at: NOW },
  ]);
  const [goes, stays] = [messageAt(1, daysAgo(0)), messageAt(2, daysAgo(0))].map(referenceOf);
  const remarks: Content[] = [
    { type: 'edit', of: goes!, text: 'still goes' },
    { type: 'edit', of: stays!, text: 'still stays' },
    { type: 'reaction', to: goes!, emoji: '🤫' },
    { type: 'reaction', to: stays!, emoji: '👍' },
    { type: 'edit', of: { ...goes!, id: messageAt(99, daysAgo(0)).id }, text: 'has not come' },
  ];
  await store.transaction(async (it) => {
    for (const [index, content] of remarks.entries()) {
      await keepItem(it, { ...messageAt(index + 3, daysAgo(0)), content });
    }
  });
  const records = await Array.fromAsync(recentRecords(store, NOW + 1));
  const all = records.map(({ value }) => new TextDecoder().decode(value)).join('\n');
  expect(all).not.toMatch(/goes|🤫|has not come/);
  expect(all).toMatch(/"text":"still stays"/);
  const to = openMemoryStore();
  await to.transaction(async (it) => {
    for (const record of records) await putIfNew(it, record);
  });
  const history = await readHistory(to, CONVERSATION, {});
  expect(history).toMatchObject([{ seq: 2, content: { text: 'still stays' }, isEdited: true }]);
  const shown = await to.transaction((it) => reactionsTo(it, CONVERSATION, stays!));
  expect(shown).toMatchObject([{ emoji: '👍' }]);
});

test('what a store has already stays as it is', async () => {
  const store = openMemoryStore();
  const there = messageAt(1, { text: 'as it came', at: NOW });
  const other: HistoryItem = { ...messageAt(2, { text: 'elsewhere', at: NOW }), seq: 9 };
  await store.transaction(async (it) => {
    await keepItem(it, there);
    await keepItem(it, other);
  });
  const from = openMemoryStore();
  await settle(from, nodeProvider);
  await say(from, [1, 2, 3].map(daysAgo));
  for await (const record of recentRecords(from, NOW)) {
    await store.transaction((it) => putIfNew(it, record));
  }
  const history = await readHistory(store, CONVERSATION, {});
  expect(history).toEqual([there, messageAt(3, daysAgo(3)), other]);
});
