/**
 * Control messages: what a device says to devices and not to people. They travel in pairwise sessions only, with
 * `control` set in the envelope; they take no number, have no place in the history, and are never shown.
 */
import { bytes, bytesOf, CIPHERTEXT_BYTES_MAX, DeviceId, MessageId } from '@sotto/api';
import * as z from 'zod/mini';
import { AGAIN_IDS_MAX, AGAIN_PIECE_BYTES_MAX, SENDER_KEY_BYTES_MAX } from '../limits.ts';
import { PictureReference } from '../people/picture.ts';
import { ProfileName } from '../people/profile.ts';
import { MessageReference } from './message-reference.ts';
import { versionedJson } from './versioned-json.ts';

/** What one control message says. */
export const Control = z.discriminatedUnion('type', [
  /** The chain by which the sending device writes to this group from now on, and the key of the group's title. */
  z.strictObject({
    type: z.literal('sender-key'),
    distribution: bytes({ min: 1, max: SENDER_KEY_BYTES_MAX }),
    titleKey: z.optional(bytesOf(32)),
  }),
  /** The key of the group's title, for who has come in or did not have it. */
  z.strictObject({ type: z.literal('title-key'), key: bytesOf(32) }),
  /** Messages that could not be read here, `of` a device of the addressed account: to be sent again. */
  z.strictObject({
    type: z.literal('resend'),
    of: DeviceId,
    ids: z.array(MessageId).check(z.minLength(1), z.maxLength(AGAIN_IDS_MAX)),
    /** Messages to the group were among them: the chain may not have come. */
    needsChain: z.optional(z.literal(true)),
  }),
  /** Such a message as it was: the number and time of its envelope, and its content, or a piece of that. */
  z.strictObject({
    type: z.literal('again'),
    of: DeviceId,
    id: MessageId,
    /** Absent when its sender does not know it any more. */
    counter: z.optional(z.int().check(z.minimum(1))),
    time: z.number(),
    /** Bytes of the content before this piece, and of all of it. */
    offset: z.int().check(z.minimum(0)),
    size: z.int().check(z.minimum(1), z.maximum(CIPHERTEXT_BYTES_MAX)),
    content: bytes({ min: 1, max: AGAIN_PIECE_BYTES_MAX }),
  }),
  /** The sending account has read everything up to this message. */
  z.strictObject({ type: z.literal('read'), upTo: MessageReference, time: z.number() }),
  /** How the sending account calls itself and looks; the newest by `time` counts. */
  z.strictObject({
    type: z.literal('profile'),
    time: z.number(),
    name: z.optional(ProfileName),
    picture: z.optional(PictureReference),
  }),
]);
export type Control = z.infer<typeof Control>;

const json = versionedJson(
  Control,
  new Map(
    Control.def.options.flatMap(({ shape }) => shape.type.def.values.map((type) => [type, 1])),
  ),
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
