import { randomUUID } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import { ClientError } from '../errors.ts';
import type { OpenStoreOptions, Store } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { meetTabs } from './tab-meeting.ts';

test('a store that comes when a tab is about to go is given back, for the next one to have', async () => {
  const { meeting, grant, close } = await waitInLine();
  await grant();
  await meeting.leave();
  expect(close).toHaveBeenCalledOnce();
});

test('a store that was taken is left to whoever has it', async () => {
  const { meeting, grant, close, store } = await waitInLine();
  await grant();
  expect(await meeting.open()).toBe(store);
  await meeting.leave();
  expect(close).not.toHaveBeenCalled();
});

/** A tab that waits for a store that another one has. */
async function waitInLine() {
  const close = vi.fn(async () => {});
  const store: Store = { ...openMemoryStore(), close };
  const granted = Promise.withResolvers<Store>();
  const openStore = async ({ waitUntil }: OpenStoreOptions) => {
    if (waitUntil !== undefined) return granted.promise;
    throw new ClientError('store.locked', 'another tab has the store');
  };
  const meeting = meetTabs(randomUUID(), openStore);
  expect(await meeting.open()).toBeUndefined();
  const grant = async () => {
    granted.resolve(store);
    await granted.promise;
    await new Promise(setImmediate); // Whoever waited has heard of it.
  };
  return { meeting, grant, close, store };
}
