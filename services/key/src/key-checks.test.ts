import { nobleProvider } from '@sotto/crypto/verify';
import { afterEach, expect, test } from 'vitest';
import { createKeyChecks, type KeyChecks } from './key-checks.ts';
import { CHECKS_WAITING_MAX } from './limits.ts';

let checks: KeyChecks;
afterEach(() => checks.close());

const goodKey = nobleProvider.x25519PublicKey(new Uint8Array(32).fill(7));
const lowOrder = new Uint8Array(32);

test('the first unsound key of many is named, each caller gets its own answer', async () => {
  checks = createKeyChecks();
  const answers = await Promise.all([
    checks.find({ kind: 'one-time-prekeys', publicKeys: [goodKey, goodKey] }),
    checks.find({ kind: 'one-time-prekeys', publicKeys: [goodKey, lowOrder, lowOrder] }),
    checks.find({ kind: 'identity', identityKey: lowOrder }),
  ]);
  expect(answers).toEqual([
    undefined,
    { code: 'key.low-order', index: 1 },
    { code: 'key.low-order', index: 0 },
  ]);
});

test('what waits is bounded, and is rejected at the end', async () => {
  checks = createKeyChecks();
  const work = { kind: 'one-time-prekeys', publicKeys: Array(100).fill(goodKey) } as const;
  const waiting = Array.from({ length: CHECKS_WAITING_MAX }, () => checks.find(work));
  const settled = Promise.allSettled(waiting);
  const busy = { code: 'service.unavailable' };
  await expect(checks.find(work)).rejects.toMatchObject(busy);
  await checks.close();
  const rejected = (await settled).filter((outcome) => outcome.status === 'rejected');
  expect(rejected.length).toBeGreaterThan(0);
  expect(rejected.every(({ reason }) => reason.code === busy.code)).toBe(true);
});

test('a thread that dies takes its callers with it, and the next check starts another', async () => {
  checks = createKeyChecks();
  const notAKey = { kind: 'identity', identityKey: undefined as never } as const;
  await expect(checks.find(notAKey)).rejects.toThrow();
  expect(await checks.find({ kind: 'one-time-prekeys', publicKeys: [goodKey] })).toBeUndefined();
});
