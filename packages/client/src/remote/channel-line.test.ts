import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { channelLine, WELCOME } from './channel-line.ts';
import type { Line } from './line.ts';

let channel: BroadcastChannel;
let line: Line;
let heard: unknown[];

beforeEach(() => {
  const name = randomUUID();
  channel = new BroadcastChannel(name);
  line = channelLine(new BroadcastChannel(name));
  heard = [];
  line.listen((value) => heard.push(value));
});
afterEach(() => {
  channel.close();
  line.close();
});

test('values come in order, until the other side says that it goes', async () => {
  channel.postMessage(WELCOME);
  for (const number of [0, 1])
    channel.postMessage({ type: 'value', number, value: `no ${number}` });
  channel.postMessage({ type: 'bye' });
  await vi.waitFor(() => expect(line.closed.aborted).toBe(true));
  expect(heard).toEqual(['no 0', 'no 1']);
});

test.each([
  ['after one that was lost', { type: 'value', number: 1, value: 'lost' }],
  ['that nobody sends', 'nonsense'],
])('a message %s ends the line', async (_, message) => {
  channel.postMessage(message);
  await vi.waitFor(() => expect(line.closed.aborted).toBe(true));
  expect(heard).toEqual([]);
});
