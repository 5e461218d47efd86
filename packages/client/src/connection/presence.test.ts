import { afterEach, beforeEach, expect, test } from 'vitest';
import { openScene, type Scene, until, userOf, watch } from '../state/state.fixture.ts';

let scene: Scene;

beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

test('is asked for while somebody looks, all at once, and told as it changes', async () => {
  const { alice, bob, tell, watches, enter } = scene;
  const watched = watches();
  const [hers, his] = [await userOf(await enter('carol')), await userOf(bob)];
  const him = watch(alice.state.presence(his));
  const her = watch(alice.state.presence(hers));
  await until(() => expect(watched).toEqual([[his, hers]]));
  expect(him.value()).toBeUndefined();
  tell({ type: 'presence', user: his, online: true });
  await until(() => expect(him.value()).toEqual({ online: true }));
  const [value, told] = [him.value(), him.count()];
  tell({ type: 'presence', user: his, online: true });
  tell({ type: 'presence', user: hers, online: false, lastSeen: '2026-01-01T00:00:00.000Z' });
  await until(() => expect(her.value()).toMatchObject({ online: false }));
  expect(him.value()).toBe(value);
  expect(him.count()).toBe(told);
  him.end();
  await until(() => expect(watched.at(-1)).toEqual([hers]));
  expect(him.value()).toBeUndefined();
  her.end();
  await until(() => expect(watched.at(-1)).toEqual([]));
});

test('is not known without a connection, and asked for again over the next one', async () => {
  const { alice, bob, platform, tell, watches } = scene;
  const his = await userOf(bob);
  const watched = watches();
  const { value, end } = watch(alice.state.presence(his));
  await until(() => expect(watched).toHaveLength(1));
  tell({ type: 'presence', user: his, online: true });
  await until(() => expect(value()).toEqual({ online: true }));
  let again: string[][] = [];
  alice.on('connected', () => {
    again = watches();
  });
  platform.cutAll();
  await until(() => expect(value()).toBeUndefined());
  await until(() => expect(again).toEqual([[his]]));
  end();
});
