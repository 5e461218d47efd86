/**
 * Which messages wait in the outbox, as far as it was looked: whoever asks for each of thousands must not have all of it
 * read each time.
 */
import type { MessageId } from '@sotto/api';
import type { Events } from '../events.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord, entriesUnder } from '../store/stored-record.ts';
import { OutboxEntry } from './outbox-entry.ts';

export interface WaitingIds {
  /** A message was put into the outbox. */
  note(id: MessageId): void;
  /** Whether it waits there. */
  has(transaction: StoreTransaction, id: MessageId): Promise<boolean>;
}

/** Of a client with these events. */
export function createWaitingIds(events: Events): WaitingIds {
  const ids = new Set<MessageId>();
  const forget = ({ id }: { readonly id: MessageId }) => void ids.delete(id);
  events.on('stored', forget);
  events.on('failed', forget);
  return {
    note: (id) => void ids.add(id),
    async has(transaction, id) {
      if (ids.has(id)) return true;
      for await (const { value } of entriesUnder(transaction, keys.outbox())) {
        ids.add(decodeRecord(OutboxEntry, value).id);
      }
      return ids.has(id);
    },
  };
}
