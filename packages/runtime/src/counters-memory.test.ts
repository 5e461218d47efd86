import { describe, expect, test } from 'vitest';
import { countersContract } from './counters.contract.ts';
import { createMemoryCounters } from './counters-memory.ts';
import { COUNTERS_MEMORY_KEYS_MAX } from './limits.ts';

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
});
