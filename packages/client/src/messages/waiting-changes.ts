/** What waits to be done to a message that others may have: its author has changed it, or taken it back. */
import type { ConversationId } from '@sotto/api';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord, entriesUnder } from '../store/stored-record.ts';
import { type Content, decodeContent, encodeContent } from './content.ts';
import type { MessageReference } from './message-reference.ts';
import { isControl, OutboxEntry } from './outbox-entry.ts';

interface Waiting {
  readonly conversation: ConversationId;
  /** The message, by whichever device has written it. */
  readonly about: MessageReference;
  readonly content: Uint8Array;
}

/** The content of a message as its author wants it by now; undefined when it is to be nowhere. */
export async function contentWanted(
  transaction: StoreTransaction,
  { conversation, about, content }: Waiting,
): Promise<Uint8Array | undefined> {
  let wanted = content;
  for await (const { value } of entriesUnder(transaction, keys.outbox(conversation))) {
    const entry = decodeRecord(OutboxEntry, value);
    if (isControl(entry) || entry.resent !== undefined) continue;
    const change = decodeContent(entry.content);
    if (change.type !== 'edit' && change.type !== 'delete') continue;
    if (change.of.device !== about.device || change.of.id !== about.id) continue;
    if (change.type === 'delete') return undefined;
    wanted = withText(wanted, change.text);
  }
  return wanted;
}

function withText(bytes: Uint8Array, text: string): Uint8Array {
  const content: Content = decodeContent(bytes);
  return content.type === 'text' ? encodeContent({ ...content, text }) : bytes;
}
