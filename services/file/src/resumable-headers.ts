/** What the headers of a tus request say beyond numbers (https://tus.io/protocols/resumable-upload, 1.0.0). */
import { ApiError, Timestamp } from '@sotto/api';
import { TUS_CHECKSUM } from '@sotto/api/files';

/** `Upload-Checksum: sha256 <base64>`. Throws `request.invalid`, also for an algorithm that is not spoken. */
export function readChecksum(header: string | undefined): Uint8Array | undefined {
  if (header === undefined) return undefined;
  const [algorithm, digest = '', ...more] = header.split(' ');
  const bytes = fromBase64(digest);
  if (algorithm !== TUS_CHECKSUM || bytes?.byteLength !== DIGEST_BYTES || more.length > 0) {
    throw new ApiError('request.invalid', {
      detail: `a checksum is ${TUS_CHECKSUM}, a space and the digest in base64`,
      fields: ['upload-checksum'],
    });
  }
  return bytes;
}

const DIGEST_BYTES = 32;

/** `Upload-Metadata`: pairs of a key and a base64 value. Only `expiresAt` is read. Throws `request.invalid`. */
export function readMetadata(header: string | undefined): { expiresAt: Date | undefined } {
  const values = new Map<string, string>();
  for (const pair of header?.split(',') ?? []) {
    const [key = '', value = '', ...more] = pair.trim().split(' ');
    const text = fromBase64(value);
    if (!KEY.test(key) || values.has(key) || text === undefined || more.length > 0) throw invalid();
    values.set(key, text.toString());
  }
  const expiresAt = values.get('expiresAt');
  if (expiresAt === undefined) return { expiresAt };
  const time = Timestamp.safeParse(expiresAt);
  if (!time.success) throw invalid();
  return { expiresAt: new Date(time.data) };
}

/** ASCII without spaces and commas, as the protocol has it. */
const KEY = /^[!-+\--~]+$/;

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function fromBase64(text: string): Buffer | undefined {
  return BASE64.test(text) ? Buffer.from(text, 'base64') : undefined;
}

function invalid(): ApiError {
  return new ApiError('request.invalid', {
    detail: 'metadata is pairs of a key and a value in base64',
    fields: ['upload-metadata'],
  });
}
