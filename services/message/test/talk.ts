/** Two people with a conversation, and what they say. */
import type { ConversationId } from '@sotto/api';
import { messageFor, openConversation } from './messages.ts';
import type { Node, Platform } from './nodes.ts';
import type { Person } from './peers.ts';
import type { SocketClient } from './socket-client.ts';

export interface Talk {
  a: Person;
  b: Person;
  conversation: ConversationId;
}

/** Registers two people and opens their conversation. */
export async function startTalk({ peers }: Platform, node: Node): Promise<Talk> {
  const [a, b] = await Promise.all([peers.addPerson(), peers.addPerson()]);
  return { a, b, conversation: await openConversation(node, a, b) };
}

/** Sends texts from a to b over one socket, all at once; resolves when the last is answered. */
export async function sendAll(
  client: SocketClient,
  { b, conversation }: Talk,
  texts: readonly string[],
) {
  return Promise.all(texts.map((text) => client.send(messageFor(conversation, [b], { text }))));
}

/** Numbers as texts that are easy to compare. */
export function numbers(count: number, from = 1): string[] {
  return Array.from({ length: count }, (_, index) => String(from + index));
}
