import { randomUUID } from 'node:crypto';
import { DeviceId } from '@sotto/api';
import { expect, test } from 'vitest';
import { createChallenges } from './challenge.ts';

const SECRET = 'challenge-secret-of-the-tests-0123456789';
const device = DeviceId.parse(randomUUID());
const time = { now: Date.UTC(2026, 10, 21) };
const clock = () => time.now;
const challenges = createChallenges([SECRET], clock);

test('a challenge is good for a minute, in every process with the same secret, and never made twice', () => {
  const other = createChallenges(['a-fresh-secret-of-the-tests-0123456789', SECRET], clock);
  const challenge = challenges.make(device);
  expect(challenge).toHaveLength(32);
  expect(challenges.make(device)).not.toEqual(challenge);
  time.now += 60_000;
  expect(challenges.isGood(device, challenge)).toBe(true);
  expect(other.isGood(device, challenge)).toBe(true);
  time.now += 1;
  expect(challenges.isGood(device, challenge)).toBe(false);
});

test('a challenge for another device, of another secret, or from the future is none', () => {
  const challenge = challenges.make(device);
  expect(challenges.isGood(DeviceId.parse(randomUUID()), challenge)).toBe(false);
  const strangers = createChallenges(['another-secret-of-the-tests-0123456789'], clock);
  expect(strangers.isGood(device, challenge)).toBe(false);
  expect(challenges.isGood(device, challenge)).toBe(true);
  time.now -= 5_001;
  expect(challenges.isGood(device, challenge)).toBe(false);
  time.now += 5_001;
});

test('a challenge with any bit changed is none', () => {
  const challenge = challenges.make(device);
  for (let bit = 0; bit < challenge.length * 8; bit++) {
    const changed = challenge.slice();
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(challenges.isGood(device, changed)).toBe(false);
  }
});
