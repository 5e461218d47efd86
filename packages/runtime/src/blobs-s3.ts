/** Blobs in a bucket of any S3-compatible store. */
import { IncomingMessage } from 'node:http';
import {
  BucketAlreadyOwnedByYou,
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadBucketCommand,
  NoSuchKey,
  S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { assertBlobKey } from './blob-key.ts';
import type { Blob, Blobs, ByteRange, PartsAttempt } from './blobs.ts';
import { listMultiparts, listObjects } from './blobs-s3-list.ts';
import {
  abortMultipart,
  ask,
  beginMultipart,
  completeMultipart,
  type Multipart,
  type Place,
  sendPart,
  statusOf,
} from './blobs-s3-parts.ts';
import { uploadStream, uploadWhole } from './blobs-s3-upload.ts';
import {
  BLOB_ANSWER_MS,
  BLOB_CONNECT_MS,
  BLOB_PING_MS,
  BLOB_PING_SOCKETS_MAX,
  BLOB_READER_PAUSE_MS,
  BLOB_READER_SOCKETS_MAX,
  BLOB_SOCKETS_MAX,
  PART_MEMORY_BYTES,
} from './limits.ts';
import type { Logger } from './log.ts';
import { createPartMemory, type PartMemory } from './part-memory.ts';
import { receive } from './receive.ts';
import { freeReceived } from './spent-bytes.ts';
import { misconfigured, readNamedFile } from './start-faults.ts';
import { unavailable } from './unavailable.ts';

export interface S3BlobsOptions {
  endpoint: string;
  region: string;
  bucket: string;
  accessKey: string;
  secretKey: string;
  /** A PEM file with the certificates to believe. */
  ca?: string | undefined;
  /** The store's origin for clients, when they reach it by another one. */
  publicEndpoint?: string | undefined;
  /** Of a program that only reads: a bucket that is not there is a fault, and is not made. */
  mustExist?: boolean;
  /** Shared by all who take bodies in; PART_MEMORY_BYTES of its own when left out. */
  memory?: PartMemory;
  log?: Logger;
}

/**
 * Opens the bucket, creating it when absent if the key may; a store that is not up yet is found later. Rejects with a
 * ConfigError when the store refuses the key, or has no such bucket and `mustExist`. Later faults of the store reject with `service.unavailable`. Close it.
 */
export async function openS3Blobs(options: S3BlobsOptions): Promise<Blobs> {
  const client = connect(options, { maxSockets: BLOB_SOCKETS_MAX, pauseMs: BLOB_ANSWER_MS });
  const forReaders = connect(options, {
    maxSockets: BLOB_READER_SOCKETS_MAX,
    pauseMs: BLOB_READER_PAUSE_MS,
  });
  const forPings = connect(options, { maxSockets: BLOB_PING_SOCKETS_MAX, pauseMs: BLOB_PING_MS });
  // Only signs addresses, and those name the store as clients reach it.
  const forClients = connect(
    { ...options, endpoint: options.publicEndpoint ?? options.endpoint },
    { maxSockets: 1, pauseMs: BLOB_PING_MS },
  );
  const { bucket: Bucket, log, memory = createPartMemory(PART_MEMORY_BYTES) } = options;
  const theBucket = lookFor(options);
  /** Tried again by each upload and ping until it succeeds, so that the order of starting does not matter. */
  const ensureBucket = (): Promise<void> => theBucket.ensure(client);
  await ensureBucket().catch((error: unknown) => tellNoBucket(error, options));

  const placeOf = (key: string): Place => {
    assertBlobKey(key);
    return { Bucket, Key: key };
  };
  const multipartOf = ({ key, attempt }: PartsAttempt): Multipart => {
    return { ...placeOf(key), UploadId: attempt };
  };
  return {
    async put(key, body, owner = key) {
      const place = placeOf(key);
      await ask(ensureBucket()).catch(async (error: unknown) => {
        if (body instanceof ReadableStream) await body.cancel(error);
        throw error;
      });
      const upload = { client, place, memory, owner, log };
      return body instanceof Uint8Array ? uploadWhole(upload, body) : uploadStream(upload, body);
    },
    async beginParts(key) {
      const place = placeOf(key);
      await ask(ensureBucket());
      return beginMultipart(client, place);
    },
    putPart: (attempt, part) => sendPart(client, multipartOf(attempt), part),
    completeParts: (attempt, tags) => completeMultipart(client, multipartOf(attempt), tags),
    abortParts: (attempt) => abortMultipart(client, multipartOf(attempt)),
    listUnfinished: () => listMultiparts(client, Bucket),
    list: (after) => listObjects(client, Bucket, after),
    async presign(key, { seconds: expiresIn }) {
      const command = new GetObjectCommand({ ...placeOf(key), ...AS_A_DOWNLOAD });
      return await getSignedUrl(forClients, command, { expiresIn });
    },
    get: (key, range, purpose) => {
      return getObject(purpose === 'reader' ? forReaders : client, placeOf(key), range);
    },
    async delete(key) {
      await ask(client.send(new DeleteObjectCommand(placeOf(key))));
    },
    async ping() {
      await ask(theBucket.find(forPings, BLOB_PING_MS));
    },
    async close() {
      for (const each of [client, forReaders, forPings, forClients]) each.destroy();
    },
  };
}

/** Waiting mends much, but no key. Throws a ConfigError for one that is refused. */
function tellNoBucket(error: unknown, { log, mustExist }: S3BlobsOptions): void {
  if (statusOf(error) === 403) {
    const problem = 'the store refuses this key, or what it may do with this bucket';
    throw misconfigured('s3.access_key', 'S3_ACCESS_KEY, S3_SECRET_KEY or S3_BUCKET', problem);
  }
  if (mustExist && statusOf(error) === 404) {
    throw misconfigured('s3.bucket', 'S3_BUCKET', 'the store has no bucket of this name');
  }
  log?.warn('no bucket yet', { error });
}

/** What no browser is to make a page of, or keep for others. */
const AS_A_DOWNLOAD = {
  ResponseCacheControl: 'private',
  ResponseContentDisposition: 'attachment',
  ResponseContentType: 'application/octet-stream',
};

function connect(
  { endpoint, region, accessKey, secretKey, ca }: S3BlobsOptions,
  { maxSockets, pauseMs }: { maxSockets: number; pauseMs: number },
): S3Client {
  const agent = { keepAlive: true, maxSockets };
  return new S3Client({
    endpoint,
    region,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    // Buckets as host names need a wildcard name server, which a store of one's own seldom has.
    forcePathStyle: true,
    // Many stores know no checksum trailers; the file service keeps a digest of its own.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: BLOB_CONNECT_MS,
      requestTimeout: BLOB_ANSWER_MS,
      throwOnRequestTimeout: true,
      socketTimeout: pauseMs,
      httpAgent: agent,
      httpsAgent: ca === undefined ? agent : { ...agent, ca: readNamedFile(ca, 's3.ca', 'S3_CA') },
    },
  });
}

/**
 * The bucket, made when it is absent unless it must exist. One that was there and is gone is not made anew: an empty one
 * would say that all is well.
 */
function lookFor({ bucket, mustExist = false }: S3BlobsOptions) {
  let isFound = false;
  async function find(client: S3Client, withinMs: number): Promise<void> {
    const mayMake = !isFound && !mustExist;
    const abortSignal = AbortSignal.timeout(withinMs);
    await (mayMake ? findOrCreateBucket : headBucket)(client, bucket, abortSignal);
    isFound = true;
  }
  return {
    find,
    async ensure(client: S3Client): Promise<void> {
      if (!isFound) await find(client, BLOB_CONNECT_MS);
    },
  };
}

async function findOrCreateBucket(
  client: S3Client,
  Bucket: string,
  abortSignal: AbortSignal,
): Promise<void> {
  try {
    await headBucket(client, Bucket, abortSignal);
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    await client.send(new CreateBucketCommand({ Bucket }), { abortSignal }).catch(unlessOurs);
  }
}

async function headBucket(
  client: S3Client,
  Bucket: string,
  abortSignal: AbortSignal,
): Promise<void> {
  await client.send(new HeadBucketCommand({ Bucket }), { abortSignal });
}

/** Another process was quicker. */
function unlessOurs(error: unknown): void {
  if (!(error instanceof BucketAlreadyOwnedByYou)) throw error;
}

async function getObject(
  client: S3Client,
  place: Place,
  range: ByteRange | undefined,
): Promise<Blob | undefined> {
  // Stores ignore a range that ends before it starts.
  if (range !== undefined && range.end < range.start) throw outside();
  const Range = range && `bytes=${range.start}-${range.end}`;
  try {
    const { Body, ContentLength, ContentRange } = await client.send(
      new GetObjectCommand({ ...place, ...(Range !== undefined && { Range }) }),
    );
    if (Body === undefined) throw new Error('the store sent no body');
    const size = ContentRange === undefined ? ContentLength : ContentRange.split('/')[1];
    return { size: Number(size), body: receiveBody(Body) };
  } catch (error) {
    if (error instanceof NoSuchKey) return undefined;
    throw statusOf(error) === 416 ? outside() : unavailable(error);
  }
}

function receiveBody(body: NonNullable<GetObjectCommandOutput['Body']>): Blob['body'] {
  if (!(body instanceof IncomingMessage)) return body.transformToWebStream();
  freeReceived(body);
  return receive(body, () => void body.destroy());
}

function outside(): RangeError {
  return new RangeError('the range lies outside the blob');
}
