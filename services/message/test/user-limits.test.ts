/** What one user may ask of the platform, beside the messages of one conversation. */
import { ConversationId, sendMessage } from '@sotto/api';
import { createMemoryBus, limitsSection } from '@sotto/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { messageFor, newId } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';

let platform: Platform;
const bus = createMemoryBus();

beforeAll(async () => {
  platform = await startPlatform(bus);
});

afterAll(async () => {
  await platform.close();
  await bus.close();
});

function startNode(
  limits: Partial<Record<keyof typeof limitsSection.shape, number>>,
): Promise<Node> {
  return platform.startNode(bus, { limits: limitsSection.parse(limits) });
}

test('a message by request to a conversation that is not the sender’s counts as a request', async () => {
  const node = await startNode({ userPerMinute: 3 });
  const person = await platform.peers.addPerson();
  const guess = () => {
    const conversation = ConversationId.parse(newId());
    return node.call(person, sendMessage, { body: messageFor(conversation, [person]) }).then(
      () => 'taken',
      ({ code }) => code,
    );
  };
  const answers = [await guess(), await guess(), await guess(), await guess()];
  expect(answers).toEqual([...Array(3).fill('conversation.not-found'), 'rate.limited']);
});
