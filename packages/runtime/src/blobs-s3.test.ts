import { randomUUID } from 'node:crypto';
import { ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { blobsContract } from './blobs.contract.ts';
import type { Blobs } from './blobs.ts';
import { openS3Blobs, type S3BlobsOptions } from './blobs-s3.ts';
import { BLOB_PART_BYTES } from './limits.ts';
import { cuttableWire, testS3 } from './testing.ts';

describe('the blobs in S3', () => {
  blobsContract(() => openS3Blobs(testS3()));

  async function open(options: S3BlobsOptions): Promise<Blobs> {
    const blobs = await openS3Blobs(options);
    onTestFinished(() => blobs.close());
    return blobs;
  }

  test('an upload that fails half way leaves no parts in the bucket', async () => {
    const corner = testS3();
    const blobs = await open(corner);
    let pieces = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (pieces++ === 2) throw new Error('the sender went away');
        controller.enqueue(new Uint8Array(BLOB_PART_BYTES));
      },
    });
    await expect(blobs.put(randomUUID(), body)).rejects.toThrow('the sender went away');
    const client = new S3Client({
      endpoint: corner.endpoint,
      region: corner.region,
      forcePathStyle: true,
      credentials: { accessKeyId: corner.accessKey, secretAccessKey: corner.secretKey },
    });
    onTestFinished(() => client.destroy());
    const { Uploads } = await client.send(
      new ListMultipartUploadsCommand({ Bucket: corner.bucket }),
    );
    expect(Uploads ?? []).toEqual([]);
  });

  test('a store that is away is told as such, cancels the upload, and is found when it is back', async () => {
    const corner = testS3();
    const wire = await cuttableWire(corner.endpoint);
    onTestFinished(() => wire.close());
    wire.cut();
    const blobs = await open({ ...corner, endpoint: wire.url });
    const key = randomUUID();
    const unavailable = { code: 'service.unavailable' };
    await expect(blobs.ping()).rejects.toMatchObject(unavailable);
    await expect(blobs.get(key)).rejects.toMatchObject(unavailable);
    const cancel = vi.fn();
    await expect(blobs.put(key, new ReadableStream({ cancel }))).rejects.toMatchObject(unavailable);
    expect(cancel).toHaveBeenCalled();
    wire.restore();
    expect(await blobs.put(key, new Response('kept').body!)).toBe(4);
    await blobs.ping();
  });

  test('many uploads and processes may find the bucket missing at the same time', async () => {
    const corner = testS3();
    const stores = await Promise.all([open(corner), open(corner), open(corner)]);
    const puts = stores.map((blobs) => blobs.put(randomUUID(), new Response('x').body!));
    expect(await Promise.all(puts)).toEqual([1, 1, 1]);
  });

  test('a wrong secret is a fault, not an absent blob', async () => {
    const corner = testS3();
    await open(corner);
    const blobs = await open({ ...corner, secretKey: 'wrong' });
    await expect(blobs.get(randomUUID())).rejects.toMatchObject({ code: 'service.unavailable' });
  });
});
