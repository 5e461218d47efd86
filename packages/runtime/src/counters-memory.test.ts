import { describe, expect, test } from 'vitest';
import { countersContract } from './counters.contract.ts';
import { createMemoryCounters } from './counters-memory.ts';
import { CLAIMS_MAKE_ROOM_MS, CLAIMS_MEMORY_MAX, COUNTERS_MEMORY_KEYS_MAX } from './limits.ts';

describe('the in-process counters', () => {
  countersContract(async () => createMemoryCounters());

  test('a flood of keys pushes out the oldest and nothing else', async () => {
    const counters = createMemoryCounters();
    await counters.increment('oldest', 60_000);
    await counters.increment('second', 60_000);
    for (let index = 2; index <= COUNTERS_MEMORY_KEYS_MAX; index++) {
      await counters.increment(`flood ${index}`, 60_000);
    }
    expect((await counters.increment('second', 60_000)).count).toBe(2);
    expect((await counters.increment('oldest', 60_000)).count).toBe(1);
    await counters.close();
  });

  test('no flood makes a claim be forgotten: what is too much is refused, until some have ended', async () => {
    let now = 1_000_000;
    const counters = createMemoryCounters({ clock: () => now });
    expect(await counters.claim('used', 60_000)).toBe(true);
    for (let index = 1; index < CLAIMS_MEMORY_MAX; index++) {
      await counters.claim(`flood ${index}`, 30_000);
    }
    const refusal = { code: 'service.unavailable', options: { retryAfter: 1 } };
    await expect(counters.claim('one more', 60_000)).rejects.toMatchObject(refusal);
    expect(await counters.claim('used', 60_000)).toBe(false);
    // Counts and texts push out each other only.
    for (let index = 0; index <= COUNTERS_MEMORY_KEYS_MAX; index++) {
      await counters.increment(`flood ${index}`, 60_000);
    }
    expect(await counters.claim('used', 60_000)).toBe(false);

    now += 30_000 + CLAIMS_MAKE_ROOM_MS;
    expect(await counters.claim('one more', 60_000)).toBe(true);
    expect(await counters.claim('used', 60_000)).toBe(false);
    await counters.close();
  });
});
