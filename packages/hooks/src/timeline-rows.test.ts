import type { MessageView } from '@sotto/client';
import { expect, test } from 'vitest';
import { ALICE, CAROL, line } from './line.fixture.ts';
import { firstUnread, isHeard, lineKey, timelineRows } from './timeline-rows.ts';

const noon = new Date(2026, 10, 21, 12).getTime();
const minute = 60_000;

const shape = (rows: ReturnType<typeof timelineRows>) =>
  rows.map(({ line: { seq }, opensDay, opensNew, isFirst, isLast }) => {
    const before = `${opensDay ? 'day ' : ''}${opensNew ? 'new ' : ''}`;
    return `${before}${isFirst ? '[' : ''}${seq}${isLast ? ']' : ''}`;
  });

test('what one person says in one go stands together, and days stand between', () => {
  const lines = [
    line(1, { time: noon - 24 * 60 * minute }),
    line(2, { time: noon }),
    line(3, { time: noon + minute }),
    line(4, { time: noon + 2 * minute, sender: CAROL }),
    line(5, { time: noon + 20 * minute, sender: CAROL }),
  ];
  expect(shape(timelineRows(lines))).toEqual(['day [1]', 'day [2', '3]', '[4]', '[5]']);
});

test('what happens between two messages parts them', () => {
  const body = { type: 'timer', seconds: 60 } as const;
  const lines = [line(1, { time: noon }), line(2, { time: noon, body }), line(3, { time: noon })];
  expect(shape(timelineRows(lines))).toEqual(['day [1]', '[2]', '[3]']);
});

test('what is new begins at the first unread message, and a group of bubbles with it', () => {
  const lines = [
    line(1, { time: noon }),
    line(2, { time: noon }),
    line(3, { time: noon, isOwn: true, sender: ALICE }),
    line(4, { time: noon }),
  ];
  const newFrom = firstUnread(lines, 2);
  expect(newFrom).toBe(lineKey(lines[1]!));
  expect(shape(timelineRows(lines, { newFrom }))).toEqual(['day [1]', 'new [2]', '[3]', '[4]']);
  expect(firstUnread(lines, 0)).toBeUndefined();
  expect(firstUnread(lines, 50)).toBe(lineKey(lines[0]!));
  expect(firstUnread([], 3)).toBeUndefined();
});

test('a first line opens nothing while older ones are still to come', () => {
  const lines = [line(1, { time: noon }), line(2, { time: noon })];
  expect(shape(timelineRows(lines, { hasOlder: true }))).toEqual(['1', '2]']);
});

test('what was said last can be marked as read, whatever waits, was refused or has happened below it', () => {
  const reference = { device: 'laptop', id: 'one' } as NonNullable<MessageView['reference']>;
  const { seq: _, ...refused } = line(4, { isOwn: true, status: 'failed', reference });
  const lines: MessageView[] = [
    line(1, { reference }),
    line(2, { isOwn: true, status: 'read', reference }),
    line(3, { body: { type: 'membership', change: { type: 'added', users: [CAROL] } } }),
    refused,
  ];
  expect(lines.findLast(isHeard)?.seq).toBe(1);
});
