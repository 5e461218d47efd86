/** Blobs that come in parts, by S3's multipart uploads. */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListPartsCommand,
  NoSuchUpload,
  type S3Client,
  S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { type Part, PartsGoneError } from './blobs.ts';
import { unavailable } from './unavailable.ts';

/** Where an object lies, in S3's own words. */
export interface Place {
  Bucket: string;
  Key: string;
}

/** One multipart upload. */
export interface Multipart extends Place {
  UploadId: string;
}

/** Begins one, and gives its id. */
export async function beginMultipart(client: S3Client, place: Place): Promise<string> {
  const { UploadId } = await ask(client.send(new CreateMultipartUploadCommand(place)));
  if (UploadId === undefined) throw unavailable(new Error('the store gave no upload id'));
  return UploadId;
}

/** Sends one part, and gives its tag. Throws PartsGoneError. */
export async function sendPart(
  client: S3Client,
  multipart: Multipart,
  { number: PartNumber, body: Body }: Part,
): Promise<string> {
  const { ETag } = await ask(
    client.send(new UploadPartCommand({ ...multipart, PartNumber, Body })).catch(partsGone),
  );
  if (ETag === undefined) throw unavailable(new Error('the store gave no tag'));
  return ETag;
}

/** Makes one object of the parts. Throws PartsGoneError. */
export async function completeMultipart(
  client: S3Client,
  multipart: Multipart,
  tags: readonly string[],
): Promise<void> {
  const Parts = tags.map((ETag, index) => ({ ETag, PartNumber: index + 1 }));
  const command = new CompleteMultipartUploadCommand({ ...multipart, MultipartUpload: { Parts } });
  try {
    await ask(client.send(command));
  } catch (error) {
    // Stores word it in many ways when there is no such upload (radosgw by 500), so they are asked once more.
    if (await isUnfinished(client, multipart)) throw error;
    // An answer may have been lost, and then the store remembers the object alone.
    if (!(await isThere(client, multipart))) throw new PartsGoneError(error);
  }
}

async function isUnfinished(client: S3Client, multipart: Multipart): Promise<boolean> {
  const parts = client.send(new ListPartsCommand({ ...multipart, MaxParts: 1 }));
  return (await ask(parts.catch(unlessNotFound))) !== undefined;
}

/** Removes the parts; no error when there are none. */
export async function abortMultipart(client: S3Client, multipart: Multipart): Promise<void> {
  const aborted = client.send(new AbortMultipartUploadCommand(multipart));
  await ask(aborted.catch(unlessNotFound));
}

async function isThere(client: S3Client, { Bucket, Key }: Place): Promise<boolean> {
  const head = client.send(new HeadObjectCommand({ Bucket, Key }));
  return (await ask(head.catch(unlessNotFound))) !== undefined;
}

/** By the status: an answer to HEAD has no body that names the error, and radosgw misses a key, not an upload. */
function unlessNotFound(error: unknown): undefined {
  if (statusOf(error) !== 404) throw error;
  return undefined;
}

function partsGone(error: unknown): never {
  throw error instanceof NoSuchUpload ? new PartsGoneError(error) : error;
}

/** The store's answer, or `service.unavailable`. */
export async function ask<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof PartsGoneError) throw error;
    throw unavailable(error);
  }
}

/** The status that the store answered with, if it did. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}
