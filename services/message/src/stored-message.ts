/** A message that is on disk, as it travels to the sockets of its readers. */
import type { Address, ConversationId, DeviceId, MessageId, UserId } from '@sotto/api';
import type { MessageKind } from './message-kind.ts';

export interface StoredMessage {
  readonly conversation: ConversationId;
  readonly seq: number;
  readonly id: MessageId;
  readonly kind: MessageKind;
  readonly sender: Address;
  /** RFC 3339 text with milliseconds. */
  readonly sentAt: string;
  /**
   * Of what members send to single devices, their ciphertexts as `packed-recipients.ts` lays them out; of a group
   * message the one ciphertext; of a change of the members the entry.
   */
  readonly packed: Buffer;
  /** From then on it is given to nobody; in milliseconds since 1970. */
  readonly expiresAt?: number | undefined;
  /** Devices that are not connected are woken at once. Kept nowhere: who reads it from the database does not know. */
  readonly isUrgent?: boolean | undefined;
  /** The socket that sent it, which has `stored` in place of a slot. Known on the sender's node only. */
  readonly origin?: object | undefined;
}

/** Whether its moment has come: then its place is an empty slot for everybody. */
export function isExpired({ expiresAt }: StoredMessage, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

/** Stands for the sending device where there is none, so that every device gets the slot. No device can have this id. */
export const NO_DEVICE = '00000000-0000-0000-0000-000000000000' as DeviceId;

/** Stands for the sender of what the platform wrote itself. No user can have this id. */
export const NO_USER = '00000000-0000-0000-0000-000000000000' as UserId;
