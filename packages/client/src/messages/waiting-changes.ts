/** What waits to be done to messages that others may have: their author has changed them, or taken them back. */
import type { ConversationId, DeviceId, MessageId } from '@sotto/api';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord, entriesUnder } from '../store/stored-record.ts';
import { type Content, decodeContent, encodeContent } from './content.ts';
import { isControl, OutboxEntry } from './outbox-entry.ts';

export type WaitingChange = Extract<Content, { type: 'edit' | 'delete' }>;

/** The last change to each message that a device has written; what was taken back stays so. */
export async function waitingChanges(
  transaction: StoreTransaction,
  author: DeviceId,
  conversation?: ConversationId,
): Promise<ReadonlyMap<MessageId, WaitingChange>> {
  const changes = new Map<MessageId, WaitingChange>();
  for await (const { value } of entriesUnder(transaction, keys.outbox(conversation))) {
    const entry = decodeRecord(OutboxEntry, value);
    if (isControl(entry) || entry.resent !== undefined) continue;
    const content = decodeContent(entry.content);
    if (content.type !== 'edit' && content.type !== 'delete') continue;
    const { device, id } = content.of;
    if (device === author && changes.get(id)?.type !== 'delete') changes.set(id, content);
  }
  return changes;
}

/** The content of a message as its author wants it by now; undefined when it is to be nowhere. */
export function contentWith(
  encoded: Uint8Array,
  change: WaitingChange | undefined,
): Uint8Array | undefined {
  if (change?.type !== 'edit') return change ? undefined : encoded;
  const content = decodeContent(encoded);
  return content.type === 'text' ? encodeContent({ ...content, text: change.text }) : encoded;
}
