import { expect, test } from 'vitest';
import { BOB } from '../chat/desk.fixture.ts';
import { type DrawnWarnings, warningRows } from './warning-rows.ts';

const LONG = { text: 'The keys of bob have changed: a new phone, or somebody in between' };
const BEHIND = { text: 'This store is old', notice: { kind: 'store-behind' } } as const;
const STALE = {
  text: 'The devices of bob were not confirmed for two weeks',
  notice: { kind: 'device-list-warning', user: BOB, warning: 'stale' },
} as const;

test('warnings that fit are drawn to their end, and can be put away', () => {
  const drawn = warningRows([LONG, BEHIND], { columns: 43, rowsMax: 3 });
  expect(textOf(drawn)).toEqual([
    ' ! The keys of bob have changed: a new',
    '   phone, or somebody in between',
    ' ! This store is old',
  ]);
  expect(drawn.notices).toEqual([BEHIND.notice]);
});

test('what is cut is counted in the last row, and is not taken for read', () => {
  const warnings = [BEHIND, STALE, LONG];
  const drawn = warningRows(warnings, { columns: 30, rowsMax: 3 });
  expect(textOf(drawn)).toEqual([
    ' ! This store is old',
    ' ! The devices of bob were not',
    ' ! 2 warnings: The devices of…',
  ]);
  expect(drawn.notices).toEqual([BEHIND.notice]);
  expect(textOf(warningRows([LONG], { columns: 24, rowsMax: 0 }))).toEqual([
    ' ! 1 warning: The keys …',
  ]);
  expect(warningRows(warnings, { columns: 16, rowsMax: 1 }).notices).toEqual([]);
});

test('nothing is drawn of no warnings', () => {
  expect(warningRows([], { columns: 40, rowsMax: 5 })).toEqual({ rows: [], notices: [] });
});

test('no terminal obeys what a server has put into a warning', () => {
  const text = 'Not connected: \u001b]52;c;aGk=\u0007 closed';
  const rows = textOf(warningRows([{ text }, { text }], { columns: 60, rowsMax: 2 }));
  expect(rows).toHaveLength(2);
  expect(rows.join('')).not.toMatch(/\p{Cc}/u);
});

function textOf({ rows }: DrawnWarnings): string[] {
  return rows.map(({ spans }) => spans.map(({ text }) => text).join(''));
}
