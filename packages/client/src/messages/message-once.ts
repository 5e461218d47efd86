/** Messages that are asked for twice, because whoever asks cannot know whether the first time was heard. */
import { type ConversationId, MessageId } from '@sotto/api';
import type { LocalParty } from '@sotto/crypto';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord, entriesUnder } from '../store/stored-record.ts';
import { OutboxEntry } from './outbox-entry.ts';
import { wasRefused } from './refused-message.ts';

/** How a message is said once, however often it is asked for. */
export interface OnceOptions {
  /** The id that the message is to have: a UUIDv7 of its own, never of another message. Made here when left out. */
  readonly id?: MessageId;
  /** It was asked for before under this id: when the message is there, nothing is said. */
  readonly isAgain?: boolean;
}

/**
 * The id, when a message of this device has it already and was asked for before. Throws a `TypeError` for what is no id,
 * and for that of another message; of one that still waits only sending tells, as `failed`.
 */
export async function saidBefore(
  transaction: StoreTransaction,
  local: LocalParty,
  { conversation, id, isAgain }: OnceOptions & { readonly conversation: ConversationId },
): Promise<MessageId | undefined> {
  if (id === undefined) return undefined;
  if (!MessageId.safeParse(id).success) throw new TypeError(`${id} is no id of a message`);
  const isOver =
    (await transaction.get(keys.messageId(local.address, id))) !== undefined ||
    (await wasRefused(transaction, id));
  if (isAgain === true) {
    return isOver || (await isWaiting(transaction, conversation, id)) ? id : undefined;
  }
  if (isOver) throw new TypeError(`${id} is the id of another message`);
  return undefined;
}

async function isWaiting(
  transaction: StoreTransaction,
  conversation: ConversationId,
  id: MessageId,
): Promise<boolean> {
  for await (const { value } of entriesUnder(transaction, keys.outbox(conversation))) {
    if (decodeRecord(OutboxEntry, value).id === id) return true;
  }
  return false;
}
