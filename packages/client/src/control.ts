/**
 * Control messages: what a device says to devices and not to people. They travel in pairwise sessions only, with
 * `control` set in the envelope; they take no number, have no place in the history, and are never shown.
 */
import { bytes, bytesOf, CIPHERTEXT_BYTES_MAX, MessageId } from '@sotto/api';
import * as z from 'zod';
import { FileReference } from './file-reference.ts';
import { AGAIN_IDS_MAX, PROFILE_NAME_LENGTH_MAX, SENDER_KEY_BYTES_MAX } from './limits.ts';
import { MessageReference } from './message-reference.ts';
import { versionedJson } from './versioned-json.ts';
import { WellFormedText } from './well-formed-text.ts';

/** What one control message says. */
export const Control = z.discriminatedUnion('type', [
  /** The chain by which the sending device writes to this group from now on, and the key of the group's title. */
  z.strictObject({
    type: z.literal('sender-key'),
    distribution: bytes({ min: 1, max: SENDER_KEY_BYTES_MAX }),
    titleKey: bytesOf(32).optional(),
  }),
  /** The key of the group's title, for who has come in or did not have it. */
  z.strictObject({ type: z.literal('title-key'), key: bytesOf(32) }),
  /** Messages of the addressed device that could not be read here: to be sent again. */
  z.strictObject({ type: z.literal('resend'), ids: z.array(MessageId).min(1).max(AGAIN_IDS_MAX) }),
  /** Such a message, as it was: the number and time of its envelope, and its content. */
  z.strictObject({
    type: z.literal('again'),
    id: MessageId,
    counter: z.int().min(1),
    time: z.number(),
    content: bytes({ min: 1, max: CIPHERTEXT_BYTES_MAX }),
  }),
  /** The sending account has read everything up to this message. */
  z.strictObject({ type: z.literal('read'), upTo: MessageReference, time: z.number() }),
  /** How the sending account calls itself and looks; the newest by `time` counts. */
  z.strictObject({
    type: z.literal('profile'),
    time: z.number(),
    name: WellFormedText.max(PROFILE_NAME_LENGTH_MAX).optional(),
    picture: FileReference.optional(),
  }),
]);
export type Control = z.infer<typeof Control>;

const json = versionedJson(
  Control,
  new Map(Control.options.map(({ shape }) => [shape.type.value, 1])),
);

/** A control message to the bytes of an envelope. Throws `content.invalid` for what the type does not allow. */
export function encodeControl(control: Control): Uint8Array {
  return json.encode(control);
}

/**
 * The inverse of {@link encodeControl}; undefined for what a newer release says. Throws `content.invalid` for anything
 * that no release would send.
 */
export function decodeControl(bytes: Uint8Array): Control | undefined {
  return json.decode(bytes);
}
