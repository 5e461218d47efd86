import type { HistoryItem } from '@sotto/client';
import { TIME_MS_MAX } from '@sotto/crypto';
import { expect, test } from 'vitest';
import { messageJson, messageLines } from './message-output.ts';

const names = { nameOf: async () => 'bob' };

function itemAt(time: number): HistoryItem {
  const placed = { id: 'id', conversation: 'room', seq: 1, sentAt: '2026-11-21T10:00:00Z' };
  const sender = { user: 'bob', device: 'device' };
  const said = { own: false, order: 'next', content: { type: 'text', text: 'hi' } } as const;
  return { type: 'message', ...placed, sender, time, ...said } as HistoryItem;
}

test('a line begins with the day and the minute', async () => {
  const item = itemAt(Date.UTC(2026, 10, 21, 9, 5, 59));
  expect(await messageLines(item, { names, where: '' })).toEqual(['2026-11-21 09:05  bob: hi']);
});

test('the last time that there is can be printed like any other', async () => {
  const item = itemAt(TIME_MS_MAX);
  expect(await messageLines(item, { names, where: '' })).toEqual(['+275760-09-13 00:00  bob: hi']);
  expect(JSON.parse(await messageJson(item, names)).time).toBe('+275760-09-13T00:00:00.000Z');
});
