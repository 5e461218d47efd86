import { ConversationId } from '@sotto/api';
import { expect, test } from 'vitest';
import { ARRIVALS_PER_LOOK, ARRIVALS_WITHOUT_LOOP_MAX } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import type { Store } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { createArrivals, noteArrival } from './arrivals.ts';

const CONVERSATION = ConversationId.parse('0193f000-0000-7000-8000-000000000001');
const MANY = ARRIVALS_WITHOUT_LOOP_MAX + 20 * ARRIVALS_PER_LOOK;

test('where nobody loops over messages the oldest arrivals go, and their number stays', async () => {
  const store = openMemoryStore();
  await arrive(store, MANY);
  const left = await arrivalsOf(store);
  expect(left).toHaveLength(ARRIVALS_WITHOUT_LOOP_MAX);
  expect(left.at(-1)).toBe(keys.arrival(MANY));
});

test('where somebody has looped, none goes before it was given', async () => {
  const store = openMemoryStore();
  const arrivals = createArrivals(store);
  const loop = arrivals.messages().next();
  await arrive(store, MANY);
  expect(await arrivalsOf(store)).toHaveLength(MANY);
  arrivals.close();
  await loop;
});

test('a loop that could not begin lets the next one begin', async () => {
  const store = openMemoryStore();
  await arrive(store, 1);
  let failures = 1;
  const failing: Store = {
    ...store,
    transaction: (work) =>
      failures-- > 0 ? Promise.reject(new Error('the disk is full')) : store.transaction(work),
  };
  const arrivals = createArrivals(failing);
  await expect(arrivals.messages().next()).rejects.toThrow('the disk is full');
  const loop = arrivals.messages().next();
  arrivals.close();
  await expect(loop).resolves.toBeDefined();
});

test('a loop over a client that is closed ends', async () => {
  const arrivals = createArrivals(openMemoryStore());
  arrivals.close();
  expect(await arrivals.messages().next()).toEqual({ done: true, value: undefined });
});

async function arrive(store: Store, count: number): Promise<void> {
  await store.transaction(async (transaction) => {
    for (let seq = 1; seq <= count; seq++) {
      await noteArrival(transaction, { conversation: CONVERSATION, seq });
    }
  });
}

async function arrivalsOf(store: Store): Promise<string[]> {
  const entries = await store.transaction((transaction) =>
    transaction.list({ prefix: keys.arrivals, limit: 2 * MANY }),
  );
  return entries.map(({ key }) => key);
}
