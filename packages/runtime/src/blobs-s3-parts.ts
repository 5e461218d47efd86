/** A stream of unknown length into one S3 object, holding one part of it in memory at a time. */
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { BLOB_PART_BYTES } from './limits.ts';
import type { Logger } from './log.ts';
import { unavailable } from './unavailable.ts';

/** Where an object lies, in S3's own words. */
export interface Place {
  Bucket: string;
  Key: string;
}

export interface Upload {
  client: S3Client;
  place: Place;
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
  const parts = inParts(body);
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

async function uploadWhole({ client, place }: Upload, Body: Uint8Array): Promise<number> {
  await ask(client.send(new PutObjectCommand({ ...place, Body })));
  return Body.byteLength;
}

type Parts = AsyncGenerator<Uint8Array, void, void>;

async function uploadParts(upload: Upload, first: Uint8Array, rest: Parts): Promise<number> {
  const { client, place } = upload;
  const { UploadId } = await ask(client.send(new CreateMultipartUploadCommand(place)));
  const target = { ...place, UploadId };
  const Parts: CompletedPart[] = [];
  let size = 0;
  try {
    for (let Body: Uint8Array | undefined = first; Body !== undefined; Body = await next(rest)) {
      const PartNumber = Parts.length + 1;
      const { ETag } = await ask(
        client.send(new UploadPartCommand({ ...target, PartNumber, Body })),
      );
      Parts.push({ ETag, PartNumber });
      size += Body.byteLength;
    }
    await ask(
      client.send(new CompleteMultipartUploadCommand({ ...target, MultipartUpload: { Parts } })),
    );
    return size;
  } catch (error) {
    await client.send(new AbortMultipartUploadCommand(target)).catch((failure: unknown) => {
      // The bucket's lifecycle rule for unfinished uploads has to do it then.
      upload.log?.warn('an unfinished upload stays in the bucket', { error: failure });
    });
    throw error;
  }
}

async function next(parts: Parts): Promise<Uint8Array | undefined> {
  const { value } = await parts.next();
  return value ?? undefined;
}

/** The stream in parts of one size, the last one shorter or, when it would be empty, missing. */
async function* inParts(body: ReadableStream<Uint8Array>): Parts {
  let chunks: Uint8Array[] = [];
  let size = 0;
  for await (let chunk of body) {
    while (size + chunk.byteLength >= BLOB_PART_BYTES) {
      const room = BLOB_PART_BYTES - size;
      yield Buffer.concat([...chunks, chunk.subarray(0, room)], BLOB_PART_BYTES);
      chunk = chunk.subarray(room);
      chunks = [];
      size = 0;
    }
    if (chunk.byteLength > 0) chunks.push(chunk);
    size += chunk.byteLength;
  }
  if (size > 0) yield Buffer.concat(chunks, size);
}

/** The store's answer, or `service.unavailable`. */
export async function ask<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw unavailable(error);
  }
}
