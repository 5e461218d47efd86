import { describe, expect, it } from 'vitest';
import { type Conditions, select } from './conditions.ts';

const ETAG = '"aa"';
const NONE: Conditions = { range: null, ifRange: null, ifNoneMatch: null };
const selectRange = (range: string, size = 100) => select({ ...NONE, range }, size, ETAG);

describe('a range', () => {
  it.each([
    ['bytes=0-9', { start: 0, end: 9 }],
    ['bytes=90-', { start: 90, end: 99 }],
    ['bytes=-10', { start: 90, end: 99 }],
    ['bytes=-1000', { start: 0, end: 99 }],
    ['bytes=99-1000', { start: 99, end: 99 }],
    ['Bytes=5-5', { start: 5, end: 5 }],
  ])('%s of 100 bytes is honoured', (header, range) => {
    expect(selectRange(header)).toEqual({ kind: 'range', range });
  });

  it.each(['bytes=100-', 'bytes=100-200', 'bytes=-0', 'bytes=999999999999999-'])(
    '%s of 100 bytes cannot be had',
    (header) => {
      expect(selectRange(header)).toEqual({ kind: 'unsatisfiable' });
    },
  );

  it.each([
    'bytes=9-5',
    'bytes=200-100',
    'bytes=-',
    'bytes=0-1,5-6',
    'items=0-5',
    'bytes=a-b',
    '',
    'bytes=1',
  ])('%j is ignored', (header) => {
    expect(selectRange(header)).toEqual({ kind: 'whole' });
  });

  it('cannot be had of nothing', () => {
    expect(selectRange('bytes=0-', 0)).toEqual({ kind: 'unsatisfiable' });
    expect(selectRange('bytes=-5', 0)).toEqual({ kind: 'unsatisfiable' });
  });

  it('counts only while the file is the one that If-Range names', () => {
    const range = 'bytes=0-9';
    expect(select({ ...NONE, range, ifRange: ETAG }, 100, ETAG).kind).toBe('range');
    for (const ifRange of ['"bb"', `W/${ETAG}`, 'Sat, 21 Nov 2026 00:00:00 GMT']) {
      expect(select({ ...NONE, range, ifRange }, 100, ETAG).kind).toBe('whole');
    }
  });
});

describe('If-None-Match', () => {
  it.each([ETAG, `W/${ETAG}`, `"x", ${ETAG}`, '*'])(
    '%s finds the file unchanged',
    (ifNoneMatch) => {
      expect(select({ ...NONE, ifNoneMatch, range: 'bytes=0-1' }, 100, ETAG)).toEqual({
        kind: 'not-modified',
      });
    },
  );

  it('of another file sends this one', () => {
    expect(select({ ...NONE, ifNoneMatch: '"x"' }, 100, ETAG)).toEqual({ kind: 'whole' });
  });
});
