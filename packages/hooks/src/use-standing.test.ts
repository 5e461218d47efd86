import { expect, test } from 'vitest';
import { isMuted, untilLifted } from './use-standing.ts';

test('a conversation is muted until its moment, or until somebody lifts it', () => {
  const now = Date.UTC(2026, 10, 22);
  const until = (mutedUntil: Date) => ({ isRequested: false, mutedUntil });
  expect(isMuted(undefined, now)).toBe(false);
  expect(isMuted({ isRequested: false }, now)).toBe(false);
  expect(isMuted(until(new Date(now + 1)), now)).toBe(true);
  expect(isMuted(until(new Date(now)), now)).toBe(false);
  expect(isMuted(until(untilLifted(now)), Date.UTC(2076, 0, 1))).toBe(true);
});
