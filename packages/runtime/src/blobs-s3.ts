/** Blobs in a bucket of any S3-compatible store. */
import { readFileSync } from 'node:fs';
import {
  BucketAlreadyOwnedByYou,
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  NoSuchKey,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { assertBlobKey } from './blob-key.ts';
import type { Blob, Blobs, ByteRange } from './blobs.ts';
import { ask, type Place, uploadStream } from './blobs-s3-parts.ts';
import { BLOB_ANSWER_MS, BLOB_CONNECT_MS, BLOB_PING_MS, BLOB_SOCKETS_MAX } from './limits.ts';
import type { Logger } from './log.ts';
import { unavailable } from './unavailable.ts';

export interface S3BlobsOptions {
  endpoint: string;
  region: string;
  bucket: string;
  accessKey: string;
  secretKey: string;
  /** A PEM file with the certificates to believe. */
  ca?: string | undefined;
  log?: Logger;
}

/**
 * Opens the bucket, creating it when absent if the key may; a store that is not up yet is found later. Faults of the
 * store reject with `service.unavailable`. Close it.
 */
export async function openS3Blobs(options: S3BlobsOptions): Promise<Blobs> {
  const client = connect(options);
  const { bucket: Bucket, log } = options;
  let bucketFound = false;

  /** Tried again by each upload until it succeeds, so that the order of starting does not matter. */
  async function ensureBucket(): Promise<void> {
    if (!bucketFound) await findOrCreateBucket(client, Bucket);
    bucketFound = true;
  }
  await ensureBucket().catch((error: unknown) => log?.warn('no bucket yet', { error }));

  const placeOf = (key: string): Place => {
    assertBlobKey(key);
    return { Bucket, Key: key };
  };
  return {
    async put(key, body) {
      const place = placeOf(key);
      await ask(ensureBucket()).catch(async (error: unknown) => {
        await body.cancel(error);
        throw error;
      });
      return uploadStream({ client, place, log }, body);
    },
    get: (key, range) => getObject(client, placeOf(key), range),
    async delete(key) {
      await ask(client.send(new DeleteObjectCommand(placeOf(key))));
    },
    async ping() {
      const abortSignal = AbortSignal.timeout(BLOB_PING_MS);
      await ask(client.send(new HeadBucketCommand({ Bucket }), { abortSignal }));
    },
    async close() {
      client.destroy();
    },
  };
}

function connect({ endpoint, region, accessKey, secretKey, ca }: S3BlobsOptions): S3Client {
  const agent = { keepAlive: true, maxSockets: BLOB_SOCKETS_MAX };
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
      socketTimeout: BLOB_ANSWER_MS,
      httpAgent: agent,
      httpsAgent: ca === undefined ? agent : { ...agent, ca: readFileSync(ca) },
    },
  });
}

async function findOrCreateBucket(client: S3Client, Bucket: string): Promise<void> {
  const abortSignal = AbortSignal.timeout(BLOB_CONNECT_MS);
  try {
    await client.send(new HeadBucketCommand({ Bucket }), { abortSignal });
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    await client.send(new CreateBucketCommand({ Bucket }), { abortSignal }).catch(unlessOurs);
  }
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
    return { size: Number(size), body: Body.transformToWebStream() };
  } catch (error) {
    if (error instanceof NoSuchKey) return undefined;
    throw statusOf(error) === 416 ? outside() : unavailable(error);
  }
}

function outside(): RangeError {
  return new RangeError('the range lies outside the blob');
}

function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}
