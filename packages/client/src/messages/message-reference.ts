/** Which message another one is about. */
import { type Address, type ConversationId, DeviceId, MessageId } from '@sotto/api';
import * as z from 'zod/mini';
import { ClientError } from '../errors.ts';

/** An id is its sender's own, so it names a message together with the device that sent it. */
export const MessageReference = z.strictObject({ device: DeviceId, id: MessageId });
export type MessageReference = z.infer<typeof MessageReference>;

/** Whether two references name one message. */
export function isSameReference(one: MessageReference, other: MessageReference): boolean {
  return one.device === other.device && one.id === other.id;
}

/** A message that something is to be done with: of a history, of `messages()`, of the state, or as it was just sent. */
export type MessageTarget = { readonly conversation: ConversationId } & (
  | { readonly id: MessageId; readonly sender: Pick<Address, 'device'> }
  | { readonly reference?: MessageReference | undefined }
);

/** The reference of a message. Throws `message.unknown` for what is none: an entry of a membership log. */
export function referenceOf(target: MessageTarget): MessageReference {
  if ('reference' in target && target.reference !== undefined) return target.reference;
  if ('id' in target) return { device: target.sender.device, id: target.id };
  throw new ClientError('message.unknown', 'this is no message');
}
