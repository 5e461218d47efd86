/** Sessions over real clients without a platform: what is opened, and what is given back. */
import { createClient, openMemoryStore } from '@sotto/client';
import { expect, test, vi } from 'vitest';
import { openSession } from './session.ts';

/** A page whose clients open when they are let, and all that was done with them, in order. */
function openPage() {
  const done: string[] = [];
  const opening: (() => void)[] = [];
  const leave: (() => void)[] = [];
  let count = 0;
  const session = openSession({
    async openClient() {
      count += 1;
      const name = `client ${count}`;
      await new Promise<void>((resolve) => opening.push(resolve));
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
  const letOpen = async () => {
    await vi.waitFor(() => expect(opening).not.toEqual([]));
    opening.shift()?.();
  };
  const stage = () => session.get().stage;
  return { session, stage, done, letOpen, removeElsewhere: () => leave[0]?.() };
}

test('a browser without an account is new', async () => {
  const { stage, letOpen } = openPage();
  expect(stage()).toBe('opening');
  await letOpen();
  await vi.waitFor(() => expect(stage()).toBe('new'));
});

test('of two tries one client stays', async () => {
  const { session, stage, done, letOpen } = openPage();
  session.open();
  await letOpen();
  await letOpen();
  await vi.waitFor(() => expect(stage()).toBe('new'));
  await vi.waitFor(() => expect(done).toEqual(['client 1 closed']));
});

test('a store that another tab removes is given back, also by who was opening it', async () => {
  const { stage, done, letOpen, removeElsewhere } = openPage();
  removeElsewhere();
  expect(stage()).toBe('failed');
  await letOpen();
  await vi.waitFor(() => expect(done).toEqual(['client 1 closed']));
  expect(stage()).toBe('failed');
});

test('who leaves this browser takes notifications along, before the store goes', async () => {
  const { session, stage, done, letOpen } = openPage();
  await letOpen();
  await vi.waitFor(() => expect(stage()).toBe('new'));
  await session.forget();
  expect(done).toEqual(['notifications ended everywhere', 'client 1 closed', 'store removed']);
  await letOpen();
  await vi.waitFor(() => expect(stage()).toBe('new'));
});
