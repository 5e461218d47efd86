/** A device that stops reading: what it is sent meanwhile is bounded, and nothing is lost. The long form is a benchmark. */
import type { MessageSlot, Slot } from '@sotto/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { messageFor } from './messages.ts';
import { type Platform, startPlatform } from './nodes.ts';
import { assertGapless, connect, endOf, type SocketClient } from './socket-client.ts';
import { startTalk, type Talk } from './talk.ts';

let platform: Platform;

beforeAll(async () => {
  platform = await startPlatform();
});

afterAll(() => platform.close());

/** Far more than the kernel keeps for two ends of a connection. */
const MESSAGES = 120;
const TEXT = 'x'.repeat(90 * 1024);
const AT_ONCE = 4;

async function sendMuch(from: SocketClient, { b, conversation }: Talk): Promise<void> {
  for (let sent = 0; sent < MESSAGES; sent += AT_ONCE) {
    const batch = Array.from({ length: AT_ONCE }, () => {
      return from.send(messageFor(conversation, [b], { text: TEXT }));
    });
    await Promise.all(batch);
  }
}

/** Reads and acknowledges until everything has come. */
async function readAll(to: SocketClient, { conversation }: Talk): Promise<readonly Slot[]> {
  for (let seq = 0; seq < MESSAGES; ) {
    const slots = await to.slotsUpTo(conversation, seq + 1, 10_000);
    seq = endOf(slots.at(-1) ?? { type: 'none', from: 0, to: 0 });
    to.acknowledge(conversation, seq);
  }
  return to.slots(conversation);
}

test('who stops reading holds nobody up, and has everything once it reads again', async () => {
  const node = await platform.startNode();
  const [stalled, lively] = await Promise.all([
    startTalk(platform, node),
    startTalk(platform, node),
  ]);
  const clients = await Promise.all(
    [stalled.a, stalled.b, lively.a, lively.b].map((person) => connect(node, person)),
  );
  const [from, to, other, reader] = clients as [
    SocketClient,
    SocketClient,
    SocketClient,
    SocketClient,
  ];
  to.socket.pause();
  await sendMuch(from, stalled);
  // Others are served as ever.
  await other.send(messageFor(lively.conversation, [lively.b]));
  await reader.slotsUpTo(lively.conversation, 1);
  expect(to.frames.filter(({ type }) => type === 'slots')).toEqual([]);
  to.socket.resume();
  const slots = await readAll(to, stalled);
  assertGapless(slots, 1);
  const messages = slots.filter((slot): slot is MessageSlot => slot.type === 'message');
  expect(messages.map(({ seq }) => seq)).toEqual(
    Array.from({ length: MESSAGES }, (_, at) => at + 1),
  );
  await Promise.all(clients.map((client) => client.close()));
}, 60_000);
