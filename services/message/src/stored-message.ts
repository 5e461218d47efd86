/** A message that is on disk, as it travels to the sockets of its readers. */
import type { Address, ConversationId, MessageId } from '@sotto/api';
import type { MessageKind } from './message-kind.ts';

export interface StoredMessage {
  readonly conversation: ConversationId;
  readonly seq: number;
  readonly id: MessageId;
  readonly kind: MessageKind;
  readonly sender: Address;
  /** RFC 3339 text with milliseconds. */
  readonly sentAt: string;
  /** The ciphertexts of all devices, as `packed-recipients.ts` lays them out. */
  readonly packed: Buffer;
  /** The socket that sent it, which has `stored` in place of a slot. Known on the sender's node only. */
  readonly origin?: object | undefined;
}
