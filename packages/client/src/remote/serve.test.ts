import type { ConversationId } from '@sotto/api';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Client } from '../client.ts';
import { ClientError } from '../errors.ts';
import { LINES_PAGE } from '../limits.ts';
import { openScene, type Scene, say } from '../state/state.fixture.ts';
import { portLine } from './line.ts';
import { followClient, serveClient } from './serve.ts';

let scene: Scene;
let followers: Client[];

beforeEach(async () => {
  scene = await openScene();
  followers = [];
});
afterEach(async () => {
  for (const follower of followers) await follower.close();
  await scene.close();
});

test('a follower talks, reads and looks as the client itself', async () => {
  const { alice, bob, conversation } = scene;
  const follower = follow(alice);
  expect(await follower.me()).toEqual(await alice.me());
  const arrived = vi.fn();
  follower.on('message', arrived);
  const lines = follower.state.messages(conversation);
  const seen = vi.fn();
  const end = lines.subscribe(seen);
  const sent = await follower.sendText(conversation, 'from afar');
  expect(await follower.whenStored(sent.id)).toMatchObject({ conversation });
  await bob.sendText(conversation, 'near');
  await vi.waitFor(() => expect(arrived).toHaveBeenCalledOnce());
  await vi.waitFor(() => expect(textsOf(lines.get())).toEqual(['from afar', 'near']));
  expect(lines.get()).toEqual(alice.state.messages(conversation).get());
  await vi.waitFor(() => expect(follower.state.connection.get()).toEqual({ status: 'connected' }));
  end();
  await vi.waitFor(() => expect(lines.get()).toBeUndefined());
  await vi.waitFor(() => expect(alice.state.messages(conversation).get()).toBeUndefined());
});

test('older lines are there when they were asked for, and those that were there are the same', async () => {
  const { alice, bob, conversation } = scene;
  await say(bob, conversation, 2 * LINES_PAGE);
  const follower = follow(alice);
  const lines = follower.state.messages(conversation);
  expect(await lines.older()).toBe(false);
  lines.subscribe(() => {});
  await vi.waitFor(
    () => expect(textsOf(lines.get()).at(-1)).toBe(`number ${2 * LINES_PAGE - 1}`),
    10_000,
  );
  const newest = lines.get()?.at(-1);
  expect(await lines.older()).toBe(true);
  expect(lines.get()).toHaveLength(2 * LINES_PAGE);
  expect(lines.get()?.at(-1)).toBe(newest);
});

test('errors are of the same class and code on both sides', async () => {
  const follower = follow(scene.alice);
  const nowhere = 'nowhere' as ConversationId;
  const refusal = await follower.sendText(nowhere, 'hello').catch((error) => error);
  expect(refusal).toBeInstanceOf(ClientError);
  expect(refusal.code).toBe('conversation.unknown');
});

test('a file goes both ways, with its progress, and is given up on both sides', async () => {
  const { alice, conversation } = scene;
  const follower = follow(alice);
  const onProgress = vi.fn();
  const data = new Blob([new Uint8Array(100_000).fill(7)]);
  const input = { name: 'seven.bin', type: 'application/octet-stream', data };
  const { id } = await follower.sendFile(conversation, input, { onProgress });
  await follower.whenStored(id);
  const [{ done, total }] = onProgress.mock.lastCall ?? expect.fail('nothing was told');
  expect(done).toBe(total);
  const last = (await follower.history(conversation)).at(-1);
  if (last?.type !== 'message') expect.fail('there is no message');
  const giving = new AbortController();
  const file = await follower.openFile(last, { signal: giving.signal });
  expect(await file.read({ start: 5, end: 9 })).toEqual(new Uint8Array(4).fill(7));
  await expect(file.read({ start: 5, end: 900_000 })).rejects.toBeInstanceOf(RangeError);
  expect(await new Response(file.stream).bytes()).toEqual(new Uint8Array(100_000).fill(7));
  giving.abort(new Error('enough'));
  await expect(file.read({ start: 5, end: 9 })).rejects.toThrow('enough');
});

function textsOf(lines: ReturnType<ReturnType<Client['state']['messages']>['get']>): string[] {
  return (lines ?? []).map(({ body }) => (body.type === 'text' ? body.text : body.type));
}

/** Over a line of its own, as a page follows its worker. */
function follow(client: Client): Client {
  const { port1, port2 } = new MessageChannel();
  serveClient(client, portLine(port1));
  const follower = followClient(portLine(port2));
  followers.push(follower);
  return follower;
}
