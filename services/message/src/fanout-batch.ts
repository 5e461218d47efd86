/**
 * One committed batch as it travels to the other nodes (DESIGN 2.4): the messages themselves, or references to them,
 * or a mark that so much was missed that every node has to catch up.
 *
 * On the bus: length of the head (u32, big-endian), the head as JSON, then the packed recipients of each message in turn.
 */
import type { Address, ConversationId, MessageId } from '@sotto/api';
import { KIND_NUMBERS, kindOf } from './message-kind.ts';
import type { StoredMessage } from './stored-message.ts';

/** A conversation's part of a batch. */
export interface FanoutGroup {
  readonly conversation: ConversationId;
  /** The conversation's version when it was committed: who holds an older one asks for its members again. */
  readonly version: number;
  readonly messages: readonly StoredMessage[];
}

/** Committed places, both inclusive, to be read from the database. */
export interface FanoutReference {
  readonly conversation: ConversationId;
  readonly first: number;
  readonly last: number;
}

export type FanoutBatch =
  | { readonly type: 'messages'; readonly node: string; readonly groups: readonly FanoutGroup[] }
  | {
      readonly type: 'references';
      readonly node: string;
      readonly references: readonly FanoutReference[];
    }
  | { readonly type: 'catch-up'; readonly node: string };

/** Raised with each change that an older node would read wrongly. */
const FORMAT = 2;

const LENGTH_BYTES = 4;

type HeadMessage = [
  seq: number,
  id: MessageId,
  kind: number,
  user: Address['user'],
  device: Address['device'],
  sentAt: string,
  size: number,
  expiresAt?: number | null,
  isUrgent?: boolean,
];

/** In this order: {@link batchesOf} goes by how it begins. */
interface Head {
  format: number;
  node: string;
  type: FanoutBatch['type'];
  groups?: { conversation: ConversationId; version: number; messages: HeadMessage[] }[];
  references?: FanoutReference[];
}

/** A batch as bytes. */
export function encodeBatch(batch: FanoutBatch): Buffer {
  const head: Head = { format: FORMAT, node: batch.node, type: batch.type };
  const bodies: Buffer[] = [];
  if (batch.type === 'references') head.references = [...batch.references];
  if (batch.type === 'messages') {
    head.groups = batch.groups.map(({ conversation, version, messages }) => ({
      conversation,
      version,
      messages: messages.map((message): HeadMessage => {
        const { seq, id, kind, sender, sentAt, packed, expiresAt, isUrgent } = message;
        bodies.push(packed);
        const { user, device } = sender;
        const head: HeadMessage = [
          seq,
          id,
          KIND_NUMBERS[kind],
          user,
          device,
          sentAt,
          packed.length,
        ];
        if (expiresAt !== undefined || isUrgent) head.push(expiresAt ?? null);
        if (isUrgent) head.push(true);
        return head;
      }),
    }));
  }
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, text, ...bodies]);
}

/** Knows a node's batches by their first bytes: every node reads all of its own again, and wants none of them. */
export function batchesOf(node: string): (data: Uint8Array) => boolean {
  const head: Pick<Head, 'format' | 'node'> = { format: FORMAT, node };
  const start = Buffer.from(JSON.stringify(head).replace('}', ','));
  return (data) => start.equals(data.subarray(LENGTH_BYTES, LENGTH_BYTES + start.length));
}

/** The batch of bytes that a node of this platform published. Throws for what a newer release wrote. */
export function decodeBatch(data: Uint8Array): FanoutBatch {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const start = LENGTH_BYTES + bytes.readUInt32BE(0);
  const head: Head = JSON.parse(bytes.toString('utf8', LENGTH_BYTES, start));
  const { format, type, node, groups = [], references = [] } = head;
  if (format !== FORMAT) throw new RangeError('a batch of another format');
  switch (type) {
    case 'messages':
      return { type, node, groups: readGroups(groups, bytes.subarray(start)) };
    case 'references':
      return { type, node, references };
    case 'catch-up':
      return { type, node };
    default:
      throw new RangeError('a batch of an unknown type');
  }
}

function readGroups(groups: NonNullable<Head['groups']>, bodies: Buffer): FanoutGroup[] {
  let offset = 0;
  return groups.map(({ conversation, version, messages }) => ({
    conversation,
    version,
    messages: messages.map((head): StoredMessage => {
      const [seq, id, kind, user, device, sentAt, size, expiresAt, isUrgent] = head;
      const packed = bodies.subarray(offset, offset + size);
      if (packed.length !== size) throw new RangeError('a batch is truncated');
      offset += size;
      return {
        conversation,
        seq,
        id,
        kind: kindOf(kind),
        sender: { user, device },
        sentAt,
        packed,
        expiresAt: expiresAt ?? undefined,
        isUrgent,
      };
    }),
  }));
}
