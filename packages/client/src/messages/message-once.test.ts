import { ApiError, MessageId, toProblem } from '@sotto/api';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openScene, type Scene } from '../state/state.fixture.ts';

const ID = MessageId.parse('0193f000-0000-7000-8000-000000000001');
const OTHER_ID = MessageId.parse('0193f000-0000-7000-8000-000000000002');

let scene: Scene;

beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

test('what is asked for again under its id is said once: while it waits, and when it is stored', async () => {
  const { alice, conversation, platform } = scene;
  platform.judge = () => 'cut';
  const once = { id: ID, isAgain: true };
  expect((await alice.sendText(conversation, 'once', { id: ID })).id).toBe(ID);
  expect((await alice.sendText(conversation, 'once', once)).id).toBe(ID);
  expect(await alice.unsent(conversation)).toHaveLength(1);
  platform.judge = () => undefined;
  await alice.whenStored(ID);
  expect((await alice.sendText(conversation, 'once', once)).id).toBe(ID);
  expect(await alice.unsent(conversation)).toEqual([]);
  expect(await alice.history(conversation)).toMatchObject([{ id: ID }]);
});

test('what was never heard is said when it is asked for again', async () => {
  const { alice, conversation } = scene;
  const { reference } = await alice.sendText(conversation, 'hello', { id: ID, isAgain: true });
  await alice.whenStored(ID);
  const target = { conversation, reference };
  for (const isAgain of [false, true]) await alice.react(target, '👍', { id: OTHER_ID, isAgain });
  await alice.whenStored(OTHER_ID);
  expect(await alice.history(conversation)).toHaveLength(2);
});

test('an id serves for one message: another one under it fails, and takes the place of none', async () => {
  const { alice, bob, conversation, platform } = scene;
  const failed = vi.fn();
  alice.on('failed', failed);
  platform.judge = () => toProblem(new ApiError('message.busy'));
  await alice.sendText(conversation, 'one', { id: ID });
  await alice.sendText(conversation, 'two', { id: ID });
  platform.judge = () => undefined;
  await vi.waitFor(() => expect(failed).toHaveBeenCalledOnce(), { timeout: 20_000 });
  expect(failed).toHaveBeenCalledWith({ id: ID, conversation, code: 'message.id-conflict' });
  await expect(alice.sendText(conversation, 'three', { id: ID })).rejects.toThrow(TypeError);
  for (const client of [alice, bob]) {
    expect(await client.history(conversation)).toMatchObject([{ content: { text: 'one' } }]);
  }
});

test('an id that is none is refused', async () => {
  const { alice, conversation } = scene;
  const sending = alice.sendText(conversation, 'hello', { id: 'mine' as MessageId });
  await expect(sending).rejects.toBeInstanceOf(TypeError);
});
