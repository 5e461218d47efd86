/** A file on its way to a reader, held to what was stored: a store that lost or altered bytes breaks the transfer. */
import { createHash } from 'node:crypto';
import { ApiError, type UserId } from '@sotto/api';
import { type Blob, type Blobs, type ByteRange, ProblemWithHeaders } from '@sotto/runtime';
import type { Kysely } from 'kysely';
import { select } from './conditions.ts';
import type { Events } from './events.ts';
import { PRESIGNED_SECONDS } from './limits.ts';
import { passThrough } from './pass-through.ts';
import { paceReader, type Readers } from './readers.ts';
import type { FileTables } from './schema.ts';
import { findStored, type StoredFile } from './store.ts';

export interface DownloadDeps {
  query: Kysely<FileTables>;
  blobs: Blobs;
  events: Events;
  readers: Readers;
  /** Whether readers are sent to the store itself, where it can be reached by them. */
  presigned: boolean;
}

/** What is read, and by whom. */
export interface Reading {
  file: StoredFile;
  user: UserId;
}

/**
 * The answer for a reader of this file: 200, 206 or 304, or 307 to where the store gives it; without a body for HEAD.
 * Throws `request.range`, `rate.limited`, `service.unavailable`.
 */
export async function download(
  deps: DownloadDeps,
  { file, user }: Reading,
  { method, headers }: Request,
): Promise<Response> {
  const etag = `"${Buffer.from(file.sha256).toString('hex')}"`;
  const conditions = {
    // Only GET has ranges (RFC 9110 section 14.2).
    range: method === 'GET' ? headers.get('range') : null,
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
      if (method === 'GET' && deps.presigned) return redirect(deps, file);
      const range = selection.kind === 'range' ? selection.range : undefined;
      const body =
        method === 'HEAD' ? await look(deps, file) : await open(deps, { file, user }, range);
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

/** One object, for GET alone and for a while. Whoever follows holds the bytes against the digest that they were told. */
async function redirect({ blobs, events }: DownloadDeps, file: StoredFile): Promise<Response> {
  if (blobs.presign === undefined) throw new Error('the store cannot be reached by readers');
  const location = await blobs.presign(file.blobKey, { seconds: PRESIGNED_SECONDS });
  events.opened('elsewhere');
  return new Response(null, { status: 307, headers: { 'cache-control': 'no-store', location } });
}

/** Finds as much of the blob as a reader would begin with: HEAD of a file that is lost is no promise of it. */
async function look(deps: DownloadDeps, file: StoredFile): Promise<null> {
  const blob = await find(deps, file, file.size === 0 ? undefined : { start: 0, end: 0 });
  await blob.body.cancel();
  return null;
}

async function open(
  deps: DownloadDeps,
  { file, user }: Reading,
  range: ByteRange | undefined,
): Promise<ReadableStream<Uint8Array>> {
  const release = deps.readers.begin(user);
  const { body } = await find(deps, file, range).catch((error: unknown) => {
    release();
    throw error;
  });
  deps.events.opened(range === undefined ? 'whole' : 'range');
  const size = range === undefined ? file.size : range.end - range.start + 1;
  const expected = size === file.size ? { size, sha256: file.sha256 } : { size };
  const damaged = (problem: string) => damage(deps, problem);
  const verified = passThrough(body, (source) => verify(source, expected, damaged));
  return paceReader(verified, release);
}

/** The blob, by all that its store says of it the one that was stored. */
async function find(
  deps: DownloadDeps,
  file: StoredFile,
  range: ByteRange | undefined,
): Promise<Blob> {
  const blob = await getBlob(deps, file, range);
  if (blob === undefined) {
    // Deleted since its row was read, or lost.
    if ((await findStored(deps.query, file.id)) === undefined) throw new ApiError('file.not-found');
    throw damage(deps, 'the store has no such blob');
  }
  if (blob.size !== file.size) {
    await blob.body.cancel();
    throw damage(deps, 'the blob has another size than the file');
  }
  return blob;
}

/** A range that lies within the file and not within its blob is a fault of the store, not of who asked. */
async function getBlob(
  deps: DownloadDeps,
  file: StoredFile,
  range: ByteRange | undefined,
): Promise<Blob | undefined> {
  try {
    return await deps.blobs.get(file.blobKey, range, 'reader');
  } catch (error) {
    if (error instanceof RangeError) throw damage(deps, 'the blob has another size than the file');
    throw error;
  }
}

function damage({ events }: DownloadDeps, problem: string): Error {
  const error = new Error(problem);
  events.damaged(error);
  return error;
}

interface Expected {
  size: number;
  /** Of a whole file, also when it was asked for as a range. The digest of less is not known. */
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
