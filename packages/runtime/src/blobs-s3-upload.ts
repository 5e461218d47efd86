/** A stream of unknown length into one S3 object, holding one part of it in memory at a time. */
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import {
  abortMultipart,
  ask,
  beginMultipart,
  completeMultipart,
  type Multipart,
  type Place,
  sendPart,
} from './blobs-s3-parts.ts';
import { cutParts } from './body-parts.ts';
import { BLOB_PART_BYTES } from './limits.ts';
import type { Logger } from './log.ts';
import type { PartMemory } from './part-memory.ts';

export interface Upload {
  client: S3Client;
  place: Place;
  memory: PartMemory;
  owner: string;
  log: Logger | undefined;
}

/**
 * Uploads in one request when the stream fits one part, else in parts. Resolves to the size. Rejects with the stream's
 * own error, or with `service.unavailable`; the store keeps nothing of it then.
 */
export async function uploadStream(
  upload: Upload,
  body: ReadableStream<Uint8Array>,
): Promise<number> {
  const parts = cutParts(body, upload.memory, upload.owner);
  try {
    const first = await parts.next();
    if (first.done) return await uploadWhole(upload, new Uint8Array());
    if (first.value.byteLength < BLOB_PART_BYTES) return await uploadWhole(upload, first.value);
    return await uploadParts(upload, first.value, parts);
  } finally {
    // Cancels the stream when the store failed in the middle of it.
    await parts.return();
  }
}

/** Uploads bytes in one request. Resolves to their number. */
export async function uploadWhole(
  { client, place }: Pick<Upload, 'client' | 'place'>,
  Body: Uint8Array,
): Promise<number> {
  await ask(client.send(new PutObjectCommand({ ...place, Body })));
  return Body.byteLength;
}

type Parts = ReturnType<typeof cutParts>;

async function uploadParts(upload: Upload, first: Uint8Array, rest: Parts): Promise<number> {
  const { client, place } = upload;
  const multipart = { ...place, UploadId: await beginMultipart(client, place) };
  const tags: string[] = [];
  let size = 0;
  try {
    for (let body: Uint8Array | undefined = first; body !== undefined; body = await next(rest)) {
      // The last use of the buffer: the next part may be in the same one.
      tags.push(await sendPart(client, multipart, { number: tags.length + 1, body }));
      size += body.byteLength;
    }
    await completeMultipart(client, multipart, tags);
    return size;
  } catch (error) {
    await giveUp(upload, multipart);
    throw error;
  }
}

async function giveUp({ client, log }: Upload, multipart: Multipart): Promise<void> {
  await abortMultipart(client, multipart).catch((error: unknown) => {
    // The sweeper finds it among the unfinished ones.
    log?.warn('an unfinished upload stays in the bucket', { error });
  });
}

async function next(parts: Parts): Promise<Uint8Array | undefined> {
  const { value } = await parts.next();
  return value ?? undefined;
}
