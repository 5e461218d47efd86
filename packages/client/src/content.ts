/**
 * What the application says inside an envelope: JSON with a version, so that an old client can tell a message that
 * it is too old for from one that is broken. The platform never sees any of it.
 */
import * as z from 'zod';
import { ClientError } from './errors.ts';
import { FileReference } from './file-reference.ts';
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
const VERSIONS = new Map([
  ['text', 1],
  ['file', 2],
]);
const Versioned = z.object({ v: z.int().min(1), type: z.string() });

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** Content to the bytes of an envelope. Throws `content.invalid` for what the type does not allow. */
export function encodeContent(content: Content): Uint8Array {
  const encoded = z.safeEncode(Content, content);
  if (!encoded.success || encoded.data.type === 'unsupported') {
    throw new ClientError('content.invalid', 'not a content that can be sent', {
      cause: encoded.error,
    });
  }
  const v = VERSIONS.get(encoded.data.type);
  return encoder.encode(JSON.stringify({ v, ...encoded.data }));
}

/**
 * The inverse of {@link encodeContent}. A newer version or an unknown type gives `unsupported`; throws
 * `content.invalid` for anything that no release would send.
 */
export function decodeContent(bytes: Uint8Array): Content {
  const json = parse(bytes);
  const versioned = Versioned.safeParse(json);
  if (!versioned.success) throw invalid();
  const { v, type } = versioned.data;
  if (v > (VERSIONS.get(type) ?? 0)) return { type: 'unsupported' };
  const { v: _, ...rest } = json as Record<string, unknown>;
  const content = z.safeDecode(Content, rest as z.input<typeof Content>);
  if (!content.success) throw invalid();
  return content.data;
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    throw invalid();
  }
}

/** Without a cause: those of JSON and of schemas quote the plaintext, and errors end up in logs. */
function invalid(): ClientError {
  return new ClientError('content.invalid', 'not the content of a message');
}
