import { describe, expect, test } from 'vitest';
import {
  clockLabel,
  countdownLabel,
  dayLabel,
  isSameDay,
  lifetimeLabel,
  machineTime,
  shortTimeLabel,
} from './time-labels.ts';

const at = (...[year, month, day, hour = 12]: number[]) =>
  new Date(year!, month! - 1, day, hour, 5).getTime();
const now = at(2026, 11, 21);

test('a moment that no calendar has is the last one, or the first', () => {
  for (const time of [9e15, Number.MAX_SAFE_INTEGER, -9e15]) {
    expect(machineTime(time)).toMatch(/^[+-]2\d{5}-/);
    expect(clockLabel(time, 'en-GB')).toMatch(/^\d\d:\d\d$/);
    expect(shortTimeLabel(time, now, 'en-GB')).not.toBe('');
    expect(dayLabel(time, now, 'en-GB')).not.toBe('');
    expect(isSameDay(time, now)).toBe(false);
  }
});

describe('days', () => {
  test('are named as people name them', () => {
    const label = (time: number) => dayLabel(time, now, 'en-GB');
    expect(label(at(2026, 11, 21, 0))).toBe('Today');
    expect(label(at(2026, 11, 20, 23))).toBe('Yesterday');
    expect(label(at(2026, 11, 17))).toBe('Tuesday');
    expect(label(at(2026, 11, 14))).toBe('Sat 14 November');
    expect(label(at(2025, 11, 21))).toContain('2025');
  });

  test('of the future have their date: clocks differ', () => {
    expect(dayLabel(at(2026, 11, 23), now, 'en-GB')).toContain('23 November');
  });

  test('are the reader’s, however many hours they have', () => {
    expect(isSameDay(at(2026, 11, 21, 0), at(2026, 11, 21, 23))).toBe(true);
    expect(isSameDay(at(2026, 11, 20, 23), at(2026, 11, 21, 0))).toBe(false);
  });
});

test('in lists a moment takes little space', () => {
  const label = (time: number) => shortTimeLabel(time, now, 'en-GB');
  expect(label(at(2026, 11, 21, 9))).toBe('09:05');
  expect(clockLabel(at(2026, 11, 21, 21), 'en-GB')).toBe('21:05');
  expect(label(at(2026, 11, 20))).toBe('Yesterday');
  expect(label(at(2026, 11, 17))).toBe('Tue');
  expect(label(at(2026, 3, 4))).toBe('4 Mar');
  expect(label(at(2025, 3, 4))).toBe('4 Mar 25');
});

test('a length of time is said in its largest whole unit', () => {
  const seconds = [1, 30, 90, 300, 3600, 86_400, 604_800, 1_209_600];
  expect(seconds.map(lifetimeLabel)).toEqual([
    ...['1 second', '30 seconds', '90 seconds', '5 minutes'],
    ...['1 hour', '1 day', '1 week', '2 weeks'],
  ]);
});

test('a countdown never says less than what is left', () => {
  const left = (seconds: number) => countdownLabel(now + seconds * 1000, now);
  expect([0, 0.2, 59, 59.5, 61, 3590, 7200, 90_000, 604_800].map(left)).toEqual([
    ...['0s', '1s', '59s', '1m', '2m', '1h', '2h', '2d', '7d'],
  ]);
  expect(left(-5)).toBe('0s');
});
