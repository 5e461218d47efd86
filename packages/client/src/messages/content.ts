/** What people say to each other, inside an envelope. The platform never sees any of it. */
import * as z from 'zod/mini';
import { FileReference } from '../files/file-reference.ts';
import { LIFETIME_SECONDS_MAX, REACTION_LENGTH_MAX } from '../limits.ts';
import { MessageReference } from './message-reference.ts';
import { versionedJson } from './versioned-json.ts';
import { WellFormedText } from './well-formed-text.ts';

/** Seconds after which a message goes away, counted from when it was read, or sent from here. */
const Lifetime = z.int().check(z.minimum(1), z.maximum(LIFETIME_SECONDS_MAX));

/** What every message may have that people see as one. */
const heading = {
  /** The message that this one answers. */
  replyTo: z.optional(MessageReference),
  expiresIn: z.optional(Lifetime),
};

/** What one message says. */
export const Content = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('text'),
    text: WellFormedText.check(z.minLength(1)),
    ...heading,
  }),
  z.strictObject({ type: z.literal('file'), file: FileReference, ...heading }),
  /** A person has one reaction to a message at a time; null takes it back. */
  z.strictObject({
    type: z.literal('reaction'),
    to: MessageReference,
    emoji: z.nullable(WellFormedText.check(z.minLength(1), z.maxLength(REACTION_LENGTH_MAX))),
  }),
  /** Another text for a message of the same account. */
  z.strictObject({
    type: z.literal('edit'),
    of: MessageReference,
    text: WellFormedText.check(z.minLength(1)),
  }),
  /** Takes back a message of the same account. */
  z.strictObject({ type: z.literal('delete'), of: MessageReference }),
  /** From now on messages of the conversation go away; null: they stay. */
  z.strictObject({ type: z.literal('timer'), seconds: z.nullable(Lifetime) }),
  /** In histories only: its sender has taken it back. */
  z.strictObject({ type: z.literal('deleted') }),
  /** Of a newer release than this one: show that something came and cannot be shown. */
  z.strictObject({ type: z.literal('unsupported') }),
]);
export type Content = z.infer<typeof Content>;

/**
 * The newest version of each type; what cannot be sent has none. Older ones are read too: files of version 1 have neither
 * digest nor thumbnail, files before 3 and texts before 2 no heading.
 */
const json = versionedJson(
  Content,
  new Map([
    ['text', 2],
    ['file', 3],
    ['reaction', 1],
    ['edit', 1],
    ['delete', 1],
    ['timer', 1],
  ]),
);

/** Content to the bytes of an envelope. Throws `content.invalid` for what the type does not allow. */
export function encodeContent(content: Content): Uint8Array {
  return json.encode(content);
}

/**
 * The inverse of {@link encodeContent}. A newer version or an unknown type gives `unsupported`; throws
 * `content.invalid` for anything that no release would send.
 */
export function decodeContent(bytes: Uint8Array): Content {
  return json.decode(bytes) ?? { type: 'unsupported' };
}
