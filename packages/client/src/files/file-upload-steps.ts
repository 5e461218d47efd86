/** The bytes of an upload on their way (tus 1.0.0): in steps that become smaller when they do not get through. */
import type { FileId } from '@sotto/api';
import {
  continueUpload,
  findUpload,
  TUS_CHECKSUM,
  TUS_VERSION,
  UPLOAD_PIECE_BYTES,
} from '@sotto/api/files';
import type { Provider } from '@sotto/crypto';
import { ClientError, ConnectionError } from '../errors.ts';
import { STEP_BYTES_MIN, STEP_MS_MAX } from '../limits.ts';
import { Attempts } from './file-attempts.ts';
import { report, type UploadDeps, type UploadJob } from './file-upload-job.ts';

/** What every request says. */
export const TUS = { 'tus-resumable': TUS_VERSION };

/** What the platform has of an upload, in bytes. Throws what calls throw. */
export async function askOffset(
  { call }: UploadDeps,
  { signal }: UploadJob,
  id: FileId,
): Promise<number> {
  // When it has just become complete, the platform reads it once more before it answers.
  const options = { signal, deadlineMs: STEP_MS_MAX };
  return (await call(findUpload, { params: { id }, headers: TUS }, options))['upload-offset'];
}

/**
 * Makes the function that brings one piece after the other, each whole or with an error: what calls throw once trying
 * again is of no use, and `answer.invalid` when the platform says that it has what it cannot have.
 */
export function bringer(deps: UploadDeps, job: UploadJob, id: FileId) {
  const { provider, call } = deps;
  const { signal } = job;
  const attempts = new Attempts(deps, signal);
  let stepBytes = UPLOAD_PIECE_BYTES;

  const send = async (offset: number, body: Uint8Array) => {
    const checksum = `${TUS_CHECKSUM} ${base64(await sha256(provider, body))}`;
    const headers = { ...TUS, 'upload-offset': offset, 'upload-checksum': checksum };
    const options = { signal, deadlineMs: STEP_MS_MAX };
    const answer = await call(continueUpload, { params: { id }, headers, body }, options);
    return answer['upload-offset'];
  };

  return async (piece: Uint8Array, at: number): Promise<void> => {
    let offset = at;
    let furthest = at;
    let isKnown = true;
    while (offset < at + piece.length) {
      const from = offset - at;
      try {
        const next = isKnown
          ? await send(offset, piece.subarray(from, from + stepBytes))
          : await askOffset(deps, job, id);
        if (next < at || next > at + piece.length) throw lostPlace();
        if (isKnown && next <= offset) throw stoodStill();
        // Not what moves back and forth: that would never end.
        if (next > furthest) {
          furthest = next;
          attempts.moved();
          report(job, next);
        }
        if (isKnown) stepBytes = Math.min(stepBytes * 2, UPLOAD_PIECE_BYTES);
        offset = next;
        isKnown = true;
      } catch (error) {
        if (isKnown) stepBytes = Math.max(stepBytes / 4, STEP_BYTES_MIN);
        isKnown = false;
        await attempts.failed(error);
      }
    }
  };
}

function lostPlace(): ClientError {
  return new ClientError('answer.invalid', 'the upload stands where it cannot stand');
}

/** It may pass, as a lost answer does. */
function stoodStill(): ConnectionError {
  return new ConnectionError('the platform took bytes and stands where it stood');
}

/** Of a piece, which would hold up a page for too long; pages without TLS have nothing else. */
async function sha256(provider: Provider, piece: Uint8Array): Promise<Uint8Array> {
  const subtle: SubtleCrypto | undefined = globalThis.crypto.subtle;
  if (subtle === undefined) return provider.sha256(piece);
  return new Uint8Array(await subtle.digest('SHA-256', piece as Uint8Array<ArrayBuffer>));
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
