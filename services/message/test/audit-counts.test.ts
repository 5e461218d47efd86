/** The audit log learns how much a device sends and fetches, and nothing else. */
import { inbox, listMessages, sendMessage } from '@sotto/api';
import type { AuditEntry } from '@sotto/api/internal';
import { consumeEvent, createMemoryBus } from '@sotto/runtime';
import { expect, test } from 'vitest';
import { messageFor } from './messages.ts';
import { startPlatform } from './nodes.ts';
import { connect } from './socket-client.ts';
import { startTalk } from './talk.ts';

test('messages that are sent and fetched, by socket and by request, are counted for each device', async () => {
  const bus = createMemoryBus();
  const platform = await startPlatform(bus);
  const heard: AuditEntry[] = [];
  await consumeEvent(bus, 'test', 'events.audit.noted', async ({ entries }) => {
    heard.push(...entries);
  });
  const node = await platform.startNode(bus);
  const { a, b, conversation } = await startTalk(platform, node);
  for (const text of ['one', 'two', 'three']) {
    await node.call(a, sendMessage, { body: messageFor(conversation, [b], { text }) });
  }
  await node.call(b, inbox, { query: { limit: 10 } });
  await node.call(b, listMessages, { params: { id: conversation }, query: { limit: 2 } });
  // A sender's own messages are no messages to it.
  await node.call(a, listMessages, { params: { id: conversation }, query: { limit: 10 } });
  const socket = await connect(node, b);
  await socket.slotsUpTo(conversation, 3);
  // What was counted goes out when the service ends, at the latest.
  await node.close();
  expect(heard).toHaveLength(2);
  expect(heard).toContainEqual(
    expect.objectContaining({ action: 'messages.sent', user: a.user, device: a.device, count: 3 }),
  );
  expect(heard).toContainEqual(
    expect.objectContaining({ action: 'messages.fetched', user: b.user, count: 3 + 2 + 3 }),
  );
  expect(JSON.stringify(heard)).not.toContain(conversation);
  await platform.close();
  await bus.close();
});
