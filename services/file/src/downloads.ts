/** A file on its way to a reader, held to what was stored: a store that lost or altered bytes breaks the transfer. */
import { createHash } from 'node:crypto';
import { ApiError } from '@sotto/api';
import { type Blobs, type ByteRange, ProblemWithHeaders } from '@sotto/runtime';
import type { Kysely } from 'kysely';
import { select } from './conditions.ts';
import type { Events } from './events.ts';
import { passThrough } from './pass-through.ts';
import type { FileTables } from './schema.ts';
import { findStored, type StoredFile } from './store.ts';

export interface DownloadDeps {
  query: Kysely<FileTables>;
  blobs: Blobs;
  events: Events;
}

/**
 * The answer for a reader of this file: 200, 206 or 304; without a body for HEAD. Throws `request.range`,
 * `service.unavailable`.
 */
export async function download(
  deps: DownloadDeps,
  file: StoredFile,
  { method, headers }: Request,
): Promise<Response> {
  const etag = `"${Buffer.from(file.sha256).toString('hex')}"`;
  const conditions = {
    range: headers.get('range'),
    ifRange: headers.get('if-range'),
    ifNoneMatch: headers.get('if-none-match'),
  };
  const selection = select(conditions, file.size, etag);
  switch (selection.kind) {
    case 'not-modified':
      return new Response(null, { status: 304, headers: { ...HEADERS, etag } });
    case 'unsatisfiable':
      throw new ProblemWithHeaders('request.range', { 'content-range': `bytes */${file.size}` });
    case 'range':
    case 'whole': {
      const range = selection.kind === 'range' ? selection.range : undefined;
      const body = method === 'HEAD' ? null : await open(deps, file, range);
      return new Response(body, {
        status: range === undefined ? 200 : 206,
        headers: { ...HEADERS, ...partHeaders(file.size, range), etag },
      });
    }
    default:
      return selection satisfies never;
  }
}

/** What nobody's browser is to make a page, a script or a shared copy of. */
const HEADERS = {
  'accept-ranges': 'bytes',
  'cache-control': 'private',
  'content-disposition': 'attachment',
  'content-security-policy': "sandbox; default-src 'none'",
  'content-type': 'application/octet-stream',
  'x-content-type-options': 'nosniff',
};

function partHeaders(size: number, range: ByteRange | undefined): Record<string, string> {
  if (range === undefined) return { 'content-length': String(size) };
  return {
    'content-length': String(range.end - range.start + 1),
    'content-range': `bytes ${range.start}-${range.end}/${size}`,
  };
}

async function open(
  deps: DownloadDeps,
  file: StoredFile,
  range: ByteRange | undefined,
): Promise<ReadableStream<Uint8Array>> {
  const blob = await deps.blobs.get(file.blobKey, range);
  if (blob === undefined) {
    // Deleted since its row was read, or lost.
    if ((await findStored(deps.query, file.id)) === undefined) throw new ApiError('file.not-found');
    throw damage(deps, 'the store has no such blob');
  }
  if (blob.size !== file.size) {
    await blob.body.cancel();
    throw damage(deps, 'the blob has another size than the file');
  }
  deps.events.opened(range === undefined ? 'whole' : 'range');
  const expected =
    range === undefined
      ? { size: file.size, sha256: file.sha256 }
      : { size: range.end - range.start + 1 };
  const damaged = (problem: string) => damage(deps, problem);
  return passThrough(blob.body, (body) => verify(body, expected, damaged));
}

function damage({ events }: DownloadDeps, problem: string): Error {
  const error = new Error(problem);
  events.damaged(error);
  return error;
}

interface Expected {
  size: number;
  /** Of a whole file. The digest of a part is not known. */
  sha256?: Uint8Array;
}

/** Passes bytes on, the last of them only once all are known to be right: whoever got them all may trust them. */
async function* verify(
  body: ReadableStream<Uint8Array>,
  expected: Expected,
  damaged: (problem: string) => Error,
): AsyncGenerator<Uint8Array> {
  const hash = expected.sha256 && createHash('sha256');
  let size = 0;
  let held: Uint8Array | undefined;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > expected.size) break;
    hash?.update(chunk);
    if (held !== undefined) yield held;
    held = chunk;
  }
  if (size !== expected.size) throw damaged('the store sent another number of bytes');
  if (hash && !hash.digest().equals(expected.sha256 ?? new Uint8Array())) {
    throw damaged('the store sent other bytes');
  }
  if (held !== undefined) yield held;
}
