import type { UserId } from '@sotto/api';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  openScene,
  type Scene,
  say,
  statuses,
  until,
  userOf,
  watch,
} from '../state/state.fixture.ts';
import { keys } from '../store/key-space.ts';
import { deliveredToAll } from './deliveries.ts';

let scene: Scene;

beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

function tellDelivered(user: UserId, seq: number): void {
  const { conversation, tell } = scene;
  tell({ type: 'delivered', conversation, members: [{ user, seq }] });
}

test('what all others have is shown as delivered, and what only strangers or we have is not', async () => {
  const { alice, bob, conversation, enter, settled } = scene;
  const { value } = watch(alice.state.messages(conversation));
  await say(alice, conversation, 2);
  await until(() => expect(statuses(value())).toEqual(['stored', 'stored']));
  tellDelivered(await userOf(await enter('carol')), 2);
  tellDelivered(await userOf(alice), 2);
  tellDelivered(await userOf(bob), 1);
  await until(() => expect(statuses(value())).toEqual(['delivered', 'stored']));
  tellDelivered(await userOf(bob), 2);
  await until(() => expect(statuses(value())).toEqual(['delivered', 'delivered']));
  tellDelivered(await userOf(bob), 1);
  await settled();
  expect(statuses(value())).toEqual(['delivered', 'delivered']);
});

test('who has read something was given it, whether the platform told of that or not', async () => {
  const { alice, bob, conversation, store } = scene;
  await say(alice, conversation, 2);
  const { value } = watch(bob.state.messages(conversation));
  await until(() => expect(value()).toHaveLength(2));
  await bob.people.accept(conversation);
  await bob.markRead(value()?.[0] ?? expect.fail());
  const delivered = () =>
    store.transaction((transaction) => deliveredToAll(transaction, conversation));
  await until(async () => expect(await delivered()).toBe(1));
});

test('it is known after a restart, also what was told at the last moment', async () => {
  const { platform, alice, bob, conversation, tell, store } = scene;
  const { value } = watch(alice.state.messages(conversation));
  await say(alice, conversation, 2);
  await until(() => expect(statuses(value())).toEqual(['stored', 'stored']));
  tellDelivered(await userOf(bob), 1);
  await until(() => expect(statuses(value())).toEqual(['delivered', 'stored']));
  tellDelivered(await userOf(bob), 2);
  // What is told behind it is heard, so it was, too.
  platform.calls.length = 0;
  tell({ type: 'prekeys-low', available: 1 });
  await until(() => expect(platform.calls).toContain('countPrekeys'));
  await alice.close();
  const again = watch(scene.open(store).state.messages(conversation));
  await until(() => expect(statuses(again.value())).toEqual(['delivered', 'delivered']));
});

test('what could not be written is written with what is told next', async () => {
  const { alice, bob, conversation, store } = scene;
  const trouble = vi.fn();
  alice.on('trouble', trouble);
  const { value } = watch(alice.state.messages(conversation));
  await say(alice, conversation, 2);
  await until(() => expect(statuses(value())).toEqual(['stored', 'stored']));
  scene.failWrite(keys.delivered(conversation));
  tellDelivered(await userOf(bob), 2);
  await until(() => expect(trouble).toHaveBeenCalledOnce());
  tellDelivered(await userOf(bob), 1);
  await until(() => expect(statuses(value())).toEqual(['delivered', 'delivered']));
  const all = store.transaction((transaction) => deliveredToAll(transaction, conversation));
  expect(await all).toBe(2);
});

test('frames of one second are written in one go, those of unknown conversations not at all', async () => {
  const { alice, bob, conversation, writes, tell, settled } = scene;
  const { value } = watch(alice.state.messages(conversation));
  await say(alice, conversation, 20);
  await until(() =>
    expect(statuses(value()).filter((status) => status === 'stored')).toHaveLength(20),
  );
  const his = await userOf(bob);
  for (let seq = 1; seq <= 20; seq += 1) tellDelivered(his, seq);
  const unknown = crypto.randomUUID() as typeof conversation;
  tell({ type: 'delivered', conversation: unknown, members: [{ user: his, seq: 1 }] });
  await until(() => expect(statuses(value()).at(-1)).toBe('delivered'));
  await settled();
  expect(writes.get(keys.delivered(conversation))).toBeLessThanOrEqual(2);
  expect(writes.get(keys.delivered(unknown))).toBeUndefined();
});
