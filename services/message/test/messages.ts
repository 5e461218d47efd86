/** Messages as a test makes them: opaque bytes for the devices that it names. */
import { randomBytes, randomUUID } from 'node:crypto';
import {
  type ConversationId,
  createConversation,
  MessageId,
  type MessageSlot,
  type OutgoingMessage,
  type Slot,
} from '@sotto/api';
import type { Node } from './nodes.ts';
import type { Person } from './peers.ts';

export interface MessageOptions {
  kind?: 'direct' | 'targeted';
  id?: MessageId;
  text?: string;
}

type AddressedMessage = Exclude<OutgoingMessage, { kind: 'group' }>;

/** A message with the same text for each device. */
export function messageFor(
  conversation: ConversationId,
  readers: readonly Pick<Person, 'device'>[],
  { kind = 'direct', id = newId(), text = randomBytes(16).toString('hex') }: MessageOptions = {},
): AddressedMessage {
  const ciphertext = new Uint8Array(Buffer.from(text));
  return {
    kind,
    id,
    conversation,
    recipients: readers.map(({ device }) => ({ device, ciphertext })),
  };
}

/** A UUIDv7, as clients make them. */
export function newId(at = Date.now()): MessageId {
  const time = at.toString(16).padStart(12, '0');
  const rest = randomUUID().slice(15);
  return MessageId.parse(
    `${time.slice(0, 8)}-${time.slice(8)}-7${rest.slice(0, 3)}${rest.slice(3)}`,
  );
}

/** The texts of the messages among slots. */
export function textsOf(slots: readonly Slot[]): string[] {
  return slots
    .filter((slot): slot is MessageSlot => slot.type === 'message')
    .map((slot) => Buffer.from(slot.ciphertext).toString());
}

/** The conversation of two people. */
export async function openConversation(node: Node, a: Person, b: Person): Promise<ConversationId> {
  const body = { kind: 'direct', with: b.user } as const;
  const { id } = await node.call(a, createConversation, { body });
  return id;
}
