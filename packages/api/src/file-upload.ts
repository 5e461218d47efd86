/**
 * Resumable upload: the tus protocol, version 1.0.0, with its extensions creation, termination, checksum and
 * expiration (https://tus.io/protocols/resumable-upload). An upload that has all its bytes is a file of the same id.
 */
import * as z from 'zod/mini';
import { endpoint, OFFSET_BYTE_STREAM } from './endpoint.ts';
import { FileId } from './ids.ts';

/** The only version spoken. */
export const TUS_VERSION = '1.0.0' as const;

/** The only checksum algorithm, by its name in `Upload-Checksum`. */
export const TUS_CHECKSUM = 'sha256' as const;

/**
 * What is best brought at a time, beginning at a multiple of it: it goes to the store as it comes. Other amounts are
 * taken as well, and cost the platform a second writing of what does not fill one.
 */
export const UPLOAD_PIECE_BYTES = 5 * 1024 * 1024;

const uploadParams = z.strictObject({ id: FileId });

/** A count of bytes as a header carries it. */
const HeaderBytes = z.codec(z.string().check(z.regex(/^\d{1,15}$/)), z.int().check(z.minimum(0)), {
  decode: Number,
  encode: String,
});

/** Another version is answered by `upload.version`, so any text is taken here. */
const TusResumable = z.optional(z.string().check(z.maxLength(16)));

const everyAnswer = { 'tus-resumable': TUS_VERSION };

export const describeUploads = endpoint({
  id: 'describeUploads',
  service: 'file',
  method: 'OPTIONS',
  path: '/api/v1/files/uploads',
  access: 'anyone',
  status: 204,
  everyAnswer,
  responseHeaders: z.object({
    'tus-version': z.literal(TUS_VERSION),
    'tus-extension': z.string(),
    'tus-max-size': HeaderBytes,
    'tus-checksum-algorithm': z.literal(TUS_CHECKSUM),
  }),
  problems: [],
});

export const createUpload = endpoint({
  id: 'createUpload',
  service: 'file',
  method: 'POST',
  path: '/api/v1/files/uploads',
  access: 'user',
  headers: z.object({
    'tus-resumable': TusResumable,
    'upload-length': HeaderBytes,
    /** Pairs of a key and a base64 value. Read is `expiresAt`, as an RFC 3339 time; what else is there is dropped. */
    'upload-metadata': z.optional(z.string().check(z.maxLength(1024))),
  }),
  status: 201,
  everyAnswer,
  responseHeaders: z.object({
    /** Path of the upload; it ends with its id. */
    location: z.string(),
    'upload-expires': z.string(),
  }),
  problems: [
    'upload.version',
    'request.too-large',
    'file.quota',
    'file.daily-limit',
    'service.unavailable',
  ],
});

export const findUpload = endpoint({
  id: 'findUpload',
  service: 'file',
  method: 'HEAD',
  path: '/api/v1/files/uploads/{id}',
  access: 'user',
  params: uploadParams,
  headers: z.object({ 'tus-resumable': TusResumable }),
  status: 200,
  everyAnswer,
  responseHeaders: z.object({
    'upload-offset': HeaderBytes,
    'upload-length': HeaderBytes,
    'upload-expires': z.optional(z.string()),
  }),
  problems: [
    'upload.version',
    'file.not-found',
    'upload.expired',
    'upload.locked',
    'service.unavailable',
  ],
});

export const continueUpload = endpoint({
  id: 'continueUpload',
  service: 'file',
  method: 'PATCH',
  path: '/api/v1/files/uploads/{id}',
  access: 'user',
  limited: 'by-itself',
  params: uploadParams,
  headers: z.object({
    'tus-resumable': TusResumable,
    'upload-offset': HeaderBytes,
    /** `sha256` and the base64 digest of this body: with it, the body is stored whole or not at all. */
    'upload-checksum': z.optional(z.string().check(z.maxLength(128))),
  }),
  body: OFFSET_BYTE_STREAM,
  status: 204,
  everyAnswer,
  responseHeaders: z.object({
    'upload-offset': HeaderBytes,
    'upload-expires': z.optional(z.string()),
  }),
  problems: [
    'upload.version',
    'upload.offset-conflict',
    'upload.locked',
    'upload.checksum-mismatch',
    'upload.expired',
    'file.not-found',
    'file.daily-limit',
    'request.timeout',
    'service.unavailable',
  ],
});

export const endUpload = endpoint({
  id: 'endUpload',
  service: 'file',
  method: 'DELETE',
  path: '/api/v1/files/uploads/{id}',
  access: 'user',
  params: uploadParams,
  headers: z.object({ 'tus-resumable': TusResumable }),
  status: 204,
  everyAnswer,
  problems: ['upload.version', 'file.not-found', 'upload.locked', 'service.unavailable'],
});

export const uploadEndpoints = [
  describeUploads,
  createUpload,
  findUpload,
  continueUpload,
  endUpload,
] as const;
