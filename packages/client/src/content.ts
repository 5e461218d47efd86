/** What people say to each other, inside an envelope. The platform never sees any of it. */
import * as z from 'zod';
import { FileReference } from './file-reference.ts';
import { versionedJson } from './versioned-json.ts';
import { WellFormedText } from './well-formed-text.ts';

/** What one message says. */
export const Content = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text: WellFormedText.min(1) }),
  z.strictObject({ type: z.literal('file'), file: FileReference }),
  /** Of a newer release than this one: show that something came and cannot be shown. */
  z.strictObject({ type: z.literal('unsupported') }),
]);
export type Content = z.infer<typeof Content>;

/** The newest version of each type. Older ones are read too: files of version 1 have neither digest nor thumbnail. */
const json = versionedJson(
  Content,
  new Map([
    ['text', 1],
    ['file', 2],
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
