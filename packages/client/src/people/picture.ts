/** Pictures of profiles: what counts as one, and what a profile says of it. */
import { bytesOf } from '@sotto/api';
import * as z from 'zod/mini';
import { ClientError } from '../errors.ts';
import { FileReference } from '../files/file-reference.ts';
import { PICTURE_BYTES_MAX } from '../limits.ts';

/** A picture, small enough to be held whole. */
export interface Picture {
  /** `image/jpeg`, `image/png` or `image/webp`. */
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** What every browser shows, and cannot hold a script. */
export const PictureType = z.enum(['image/jpeg', 'image/png', 'image/webp']);

/** How files of each type begin. */
const BEGINNINGS: Record<z.infer<typeof PictureType>, RegExp> = {
  'image/jpeg': /^\xff\xd8\xff/,
  'image/png': /^\x89PNG\r\n/,
  'image/webp': /^RIFF.{4}WEBP/s,
};

/** A picture in a profile. Its `name` is the hash of it: the same picture may lie in several files. */
export const PictureReference = z.extend(z.omit(FileReference, { thumbnail: true }), {
  mediaType: PictureType,
  size: z.int().check(z.minimum(1), z.maximum(PICTURE_BYTES_MAX)),
  digest: bytesOf(32),
});
export type PictureReference = z.infer<typeof PictureReference>;

/** The type of a picture that may be shown to others. Throws `file.size`, and `content.invalid` for what is no picture. */
export function pictureType({ type, bytes }: Picture): z.infer<typeof PictureType> {
  if (bytes.length === 0 || bytes.length > PICTURE_BYTES_MAX) {
    throw new ClientError('file.size', `a picture has ${PICTURE_BYTES_MAX} bytes at most`);
  }
  const known = PictureType.safeParse(type);
  if (known.success && isOfType(bytes, known.data)) return known.data;
  throw new ClientError('content.invalid', 'not a JPEG, PNG or WebP picture');
}

/** Whether a file begins as pictures of a type do. */
export function isOfType(bytes: Uint8Array, type: z.infer<typeof PictureType>): boolean {
  return BEGINNINGS[type].test(String.fromCharCode(...bytes.subarray(0, 12)));
}
