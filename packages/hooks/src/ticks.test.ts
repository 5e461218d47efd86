import { expect, test } from 'vitest';
import { tickOf, unreadLabel } from './ticks.ts';

test('what others wrote has no tick, and each status of our own has words', () => {
  expect(tickOf('received')).toBeUndefined();
  const statuses = ['waiting', 'stored', 'delivered', 'read', 'failed'] as const;
  const words = statuses.map((status) => tickOf(status)?.words);
  expect(new Set(words).size).toBe(statuses.length);
});

test('unread messages are counted up to a thousand', () => {
  expect([0, 1, 999, 1000].map(unreadLabel)).toEqual(['', '1', '999', '999+']);
});
