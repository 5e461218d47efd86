import { randomUUID } from 'node:crypto';
import { MessageId } from '@sotto/api';
import { expect, test } from 'vitest';
import { createMessageAges, lowestId } from './message-age.ts';

const DAY = 86_400_000;
const NOW = Date.parse('2026-11-21T12:00:00Z');

function idOf(time: number): MessageId {
  return MessageId.parse(lowestId(time).slice(0, 19) + randomUUID().slice(19));
}

function codeOf(time: number, raised?: number): string | undefined {
  const ages = createMessageAges({ days: 30, clock: () => NOW });
  if (raised !== undefined) ages.raise(raised);
  return ages.findFault(idOf(time))?.code;
}

test('ids are taken for a week longer than messages are kept', () => {
  expect(codeOf(NOW)).toBeUndefined();
  expect(codeOf(NOW - 37 * DAY)).toBeUndefined();
  expect(codeOf(NOW - 37 * DAY - 1)).toBe('message.too-old');
});

test('a clock that is ahead of ours is borne with, and an id from nowhere in time is not', () => {
  expect(codeOf(NOW + 37 * DAY)).toBeUndefined();
  expect(codeOf(NOW + 37 * DAY + 1)).toBe('request.invalid');
  const ages = createMessageAges({ days: 30, clock: () => NOW });
  const random = MessageId.parse('f81d4fae-7dec-41d0-8765-00a0c91e6bf6');
  expect(ages.findFault(random)?.code).toBe('request.invalid');
});

test('what was given up once stays so when messages are kept longer from now on', () => {
  expect(codeOf(NOW - DAY, NOW - DAY)).toBeUndefined();
  expect(codeOf(NOW - DAY - 1, NOW - DAY)).toBe('message.too-old');
});

test('the lowest id of a time is a UUIDv7 of it, and no id of that time is below it', () => {
  expect(lowestId(NOW)).toMatch(/^0[0-9a-f]{7}-[0-9a-f]{4}-7000-8000-000000000000$/);
  expect(idOf(NOW) >= lowestId(NOW)).toBe(true);
  expect(idOf(NOW - 1) < lowestId(NOW)).toBe(true);
});
