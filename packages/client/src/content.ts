/**
 * What the application says inside an envelope: JSON with a version, so that an old client can tell a message that
 * it is too old for from one that is broken. The platform never sees any of it.
 */
import { bytesOf, FILE_BYTES_MAX, FileId } from '@sotto/api';
import { z } from 'zod';
import { ClientError } from './errors.ts';
import { FILE_NAME_LENGTH_MAX, FILE_TYPE_LENGTH_MAX } from './limits.ts';

/** Text without half characters, which UTF-8 would silently change. */
const WellFormedText = z.string().refine((text) => text.isWellFormed(), 'half a character');

/** Everything a member needs to fetch a file, decrypt it and know it for the one that was sent. */
export const FileReference = z.strictObject({
  id: FileId,
  key: bytesOf(32),
  name: WellFormedText.min(1).max(FILE_NAME_LENGTH_MAX),
  mediaType: WellFormedText.min(1).max(FILE_TYPE_LENGTH_MAX),
  /** Bytes of the file itself, without its padding. */
  size: z.int().min(0).max(FILE_BYTES_MAX),
});
export type FileReference = z.infer<typeof FileReference>;

/** What one message says. */
export const Content = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text: WellFormedText.min(1) }),
  z.strictObject({ type: z.literal('file'), file: FileReference }),
  /** Of a newer release than this one: show that something came and cannot be shown. */
  z.strictObject({ type: z.literal('unsupported') }),
]);
export type Content = z.infer<typeof Content>;

const VERSION = 1;
const Versioned = z.object({ v: z.int().min(1), type: z.string() });
const KNOWN_TYPES: readonly string[] = ['text', 'file'];

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
  return encoder.encode(JSON.stringify({ v: VERSION, ...encoded.data }));
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
  if (v !== VERSION || !KNOWN_TYPES.includes(type)) return { type: 'unsupported' };
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
