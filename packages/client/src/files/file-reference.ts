/** What a message says of a file: where it lies, how it is opened, and which bytes it has. */
import { bytes, bytesOf, FILE_BYTES_MAX, FileId } from '@sotto/api';
import * as z from 'zod/mini';
import { FILE_NAME_LENGTH_MAX, FILE_TYPE_LENGTH_MAX, THUMBNAIL_BYTES_MAX } from '../limits.ts';
import { WellFormedText } from '../messages/well-formed-text.ts';

const MediaType = WellFormedText.check(z.minLength(1), z.maxLength(FILE_TYPE_LENGTH_MAX));

/** A small picture of a file, which travels in the message itself. */
export const Thumbnail = z.strictObject({
  /** Media type, such as `image/webp`. */
  type: MediaType,
  bytes: bytes({ min: 1, max: THUMBNAIL_BYTES_MAX }),
});
export type Thumbnail = z.infer<typeof Thumbnail>;

/** Everything a member needs to fetch a file, decrypt it and know it for the one that was sent. */
export const FileReference = z.strictObject({
  id: FileId,
  key: bytesOf(32),
  name: WellFormedText.check(z.minLength(1), z.maxLength(FILE_NAME_LENGTH_MAX)),
  mediaType: MediaType,
  /** Bytes of the file itself, without its padding. */
  size: z.int().check(z.minimum(0), z.maximum(FILE_BYTES_MAX)),
  /** SHA-256 of the ciphertext: everybody who has the message gets the same file. Early messages have none. */
  digest: z.optional(bytesOf(32)),
  thumbnail: z.optional(Thumbnail),
});
export type FileReference = z.infer<typeof FileReference>;
