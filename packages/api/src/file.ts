/** Encrypted files. The server learns their padded size, nothing else. */
import * as z from 'zod/mini';
import { bytesOf } from './bytes.ts';
import { BYTE_STREAM, endpoint } from './endpoint.ts';
import { ConversationId, FileId, Timestamp, UserId } from './ids.ts';

const fileParams = z.strictObject({ id: FileId });

/** What the server knows of a file: the size and SHA-256 of its ciphertext. */
export const FileInfo = z.object({
  id: FileId,
  size: z.int(),
  sha256: bytesOf(32),
  createdAt: Timestamp,
  /** When it is deleted, whoever may read it; left out when nobody asked for that. */
  expiresAt: z.optional(Timestamp),
});
export type FileInfo = z.infer<typeof FileInfo>;

export const uploadFile = endpoint({
  id: 'uploadFile',
  service: 'file',
  method: 'POST',
  path: '/api/v1/files/upload',
  access: 'user',
  query: z.strictObject({ expiresAt: z.optional(Timestamp) }),
  body: BYTE_STREAM,
  status: 201,
  response: FileInfo,
  problems: ['request.timeout', 'file.quota', 'file.daily-limit', 'service.unavailable'],
});

export const downloadFile = endpoint({
  id: 'downloadFile',
  service: 'file',
  method: 'GET',
  path: '/api/v1/files/{id}',
  access: 'user',
  params: fileParams,
  status: 200,
  response: BYTE_STREAM,
  problems: ['file.not-found', 'request.range', 'service.unavailable'],
});

export const getFileInfo = endpoint({
  id: 'getFileInfo',
  service: 'file',
  method: 'GET',
  path: '/api/v1/files/{id}/info',
  access: 'user',
  params: fileParams,
  status: 200,
  response: FileInfo,
  problems: ['file.not-found', 'service.unavailable'],
});

export const grantFile = endpoint({
  id: 'grantFile',
  service: 'file',
  method: 'POST',
  path: '/api/v1/files/{id}/grants',
  access: 'user',
  params: fileParams,
  body: z.strictObject({ conversation: ConversationId }),
  status: 204,
  problems: ['file.not-found', 'file.grant-limit', 'conversation.not-found', 'service.unavailable'],
});

/** Where a file is shared. */
export const FileGrants = z.object({
  grants: z.array(
    z.object({ conversation: ConversationId, grantedBy: UserId, createdAt: Timestamp }),
  ),
});
export type FileGrants = z.infer<typeof FileGrants>;

export const listGrants = endpoint({
  id: 'listGrants',
  service: 'file',
  method: 'GET',
  path: '/api/v1/files/{id}/grants',
  access: 'user',
  params: fileParams,
  status: 200,
  response: FileGrants,
  problems: ['file.not-found'],
});

export const revokeGrant = endpoint({
  id: 'revokeGrant',
  service: 'file',
  method: 'DELETE',
  path: '/api/v1/files/{id}/grants/{conversation}',
  access: 'user',
  params: z.strictObject({ id: FileId, conversation: ConversationId }),
  status: 204,
  problems: ['file.not-found'],
});

export const deleteFile = endpoint({
  id: 'deleteFile',
  service: 'file',
  method: 'DELETE',
  path: '/api/v1/files/{id}',
  access: 'user',
  params: fileParams,
  status: 204,
  problems: ['file.not-found'],
});

export const fileEndpoints = [
  uploadFile,
  downloadFile,
  getFileInfo,
  grantFile,
  listGrants,
  revokeGrant,
  deleteFile,
] as const;
