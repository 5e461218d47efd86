/** Sessions over real clients without a platform: what is opened, and what is given back. */
import { createClient, openMemoryStore } from '@sotto/client';
import { expect, test, vi } from 'vitest';
import { openSession } from './session.ts';

/** A page whose clients open when they are let, and all that was done with them, in order. */
function openPage({ isEmpty = false } = {}) {
  const done: string[] = [];
  const opening: PromiseWithResolvers<void>[] = [];
  const leave: (() => void)[] = [];
  let count = 0;
  const session = openSession({
    hasStore: async () => !isEmpty && !done.includes('store removed'),
    async openClient() {
      count += 1;
      const name = `client ${count}`;
      const waiting = Promise.withResolvers<void>();
      opening.push(waiting);
      await waiting.promise;
      const client = createClient({ url: 'http://127.0.0.1:1', store: openMemoryStore() });
      return {
        client,
        async close() {
          done.push(`${name} closed`);
          await client.close();
        },
      };
    },
    removeStore: async () => void done.push('store removed'),
    keepStore: () => undefined,
    onRemoval: (listener) => leave.push(listener),
    endNotifications: async (client) =>
      void done.push(`notifications ended${client === undefined ? '' : ' everywhere'}`),
  });
  const begun = (clients: number) => vi.waitFor(() => expect(opening).toHaveLength(clients));
  const letOpen = async (client = 1) => {
    await begun(client);
    opening[client - 1]?.resolve();
  };
  const stage = () => session.get().stage;
  const isNew = () => vi.waitFor(() => expect(stage()).toBe('new'));
  const removeElsewhere = () => leave[0]?.();
  return { session, stage, isNew, done, opening, begun, letOpen, removeElsewhere };
}

test('a browser whose store holds no account is new', async () => {
  const { stage, isNew, letOpen } = openPage();
  expect(stage()).toBe('opening');
  await letOpen();
  await isNew();
});

test('in an empty browser nothing is opened before somebody begins, and once then', async () => {
  const { session, isNew, opening, letOpen } = openPage({ isEmpty: true });
  await isNew();
  expect(opening).toEqual([]);
  const view = session.get();
  const openClient = view.stage === 'new' ? view.openClient : expect.fail();
  const [one, other] = [openClient(), openClient()];
  await letOpen();
  expect(await one).toBe(await other);
  expect(opening).toHaveLength(1);
  await isNew();
});

test('who could not begin may try again', async () => {
  const { session, isNew, opening, begun, letOpen } = openPage({ isEmpty: true });
  await isNew();
  const view = session.get();
  const openClient = view.stage === 'new' ? view.openClient : expect.fail();
  const first = openClient();
  await begun(1);
  opening[0]?.reject(new Error('the worker could not be had'));
  await expect(first).rejects.toThrow('could not be had');
  const second = openClient();
  await letOpen(2);
  expect(await (await second).me()).toBeUndefined();
});

test('of two tries one client stays', async () => {
  const { session, isNew, done, begun, letOpen } = openPage();
  await begun(1);
  session.open();
  await letOpen(1);
  await letOpen(2);
  await isNew();
  await vi.waitFor(() => expect(done).toEqual(['client 1 closed']));
});

test('a store that another tab removes is given back, also by who was opening it', async () => {
  const { stage, done, begun, letOpen, removeElsewhere } = openPage();
  await begun(1);
  removeElsewhere();
  expect(stage()).toBe('failed');
  await letOpen();
  await vi.waitFor(() => expect(done).toEqual(['client 1 closed']));
  expect(stage()).toBe('failed');
});

test('who has begun nothing misses no store that another tab removes', async () => {
  const { stage, isNew, removeElsewhere } = openPage({ isEmpty: true });
  await isNew();
  removeElsewhere();
  expect(stage()).toBe('new');
});

test('who leaves this browser takes notifications along, before the store goes', async () => {
  const { session, isNew, done, letOpen } = openPage();
  await letOpen();
  await isNew();
  await session.forget();
  expect(done).toEqual(['notifications ended everywhere', 'client 1 closed', 'store removed']);
  await isNew();
});
