/** What waits to be sent: a message of ours that is not `stored` yet. */
import {
  Address,
  bytes,
  bytesOf,
  CIPHERTEXT_BYTES_MAX,
  ConversationId,
  DeviceId,
  MessageId,
  type OutgoingMessage,
  Recipient,
  Seq,
  UserId,
} from '@sotto/api';
import * as z from 'zod/mini';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';

/** A ciphertext for one device. The platform is told of the device alone. */
export const EntryRecipient = z.object({ user: UserId, ...Recipient.shape });
export type EntryRecipient = z.infer<typeof EntryRecipient>;

/** It may leave once it is `sealed`: encrypted for every device. */
export const OutboxEntry = z.object({
  id: MessageId,
  conversation: ConversationId,
  /** The message's own number. Of a control message, that of the message behind which it was written. */
  counter: z.int(),
  /** Set on control messages: their order behind that message. */
  step: z.optional(z.int()),
  time: z.number(),
  /** Bytes of `Content`, or of `Control` when there are devices in `to`. */
  content: bytes({ min: 1, max: CIPHERTEXT_BYTES_MAX }),
  /** The devices that a control message is for. */
  to: z.optional(z.array(Address)),
  /** A control message that is to travel in a session made for it: the one there was may be broken. */
  isFresh: z.optional(z.boolean()),
  recipients: z.array(EntryRecipient),
  /** What went to a whole group: one ciphertext, and what it was keyed for. */
  group: z.optional(
    z.object({
      ciphertext: bytes({ min: 1, max: CIPHERTEXT_BYTES_MAX }),
      version: z.int().check(z.minimum(1)),
      lists: bytesOf(32),
    }),
  ),
  sealed: z.boolean(),
  /** When it was last encrypted, in milliseconds by this machine's clock. */
  sealedAt: z.optional(z.number()),
  /** It was written with other content: whoever has it by an earlier life of the store has that. */
  isChanged: z.optional(z.boolean()),
  /** It was sealed and sent once, and refused: somebody may have what it says. */
  hasLeft: z.optional(z.boolean()),
  /** It was sealed, and opened without an answer: as it was sealed then, it may be stored. */
  mayBeStored: z.optional(z.boolean()),
  /** Of one that was set aside: it may be stored as what another device has sent, which this one was before. */
  sentBy: z.optional(DeviceId),
  /** It was stored before, as this number and at this place: the platform may have lost it. */
  resent: z.optional(z.object({ number: z.int(), seq: Seq })),
});
export type OutboxEntry = z.infer<typeof OutboxEntry>;

/** Whether it speaks to devices and not to people: it has no number of its own, and no place in the history. */
export function isControl({ to }: OutboxEntry): boolean {
  return to !== undefined;
}

/** Where an entry lies: in the order in which entries leave. */
export function keyOf({ conversation, counter, step }: OutboxEntry): string {
  return keys.outboxEntry(conversation, counter, step);
}

/** A place in front of an entry, and of what may still be put in front of it, and behind every one that has left. */
export function placeBefore({ conversation, counter, step }: OutboxEntry): string {
  if (step !== undefined) return keys.outboxEntry(conversation, counter, step - 1);
  return keys.outboxEntry(conversation, counter - 1);
}

/** Writes an entry to its place. */
export function putEntry(transaction: StoreTransaction, entry: OutboxEntry): Promise<void> {
  return putRecord(transaction, keyOf(entry), [OutboxEntry, entry]);
}

/** What the store has of an entry that was read before; undefined when it has left the outbox meanwhile. */
export function readAgain(
  transaction: StoreTransaction,
  entry: OutboxEntry,
): Promise<OutboxEntry | undefined> {
  return getRecord(transaction, keyOf(entry), OutboxEntry);
}

/** A sealed entry as the platform takes it. */
export function toOutgoing({
  id,
  conversation,
  recipients: entryRecipients,
  group,
  to,
}: OutboxEntry): OutgoingMessage {
  if (group !== undefined) return { kind: 'group', id, conversation, ...group };
  const recipients = entryRecipients.map(({ device, ciphertext }) => ({ device, ciphertext }));
  return { kind: to === undefined ? 'direct' : 'targeted', id, conversation, recipients };
}
