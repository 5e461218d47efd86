import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import {
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { blobsContract } from './blobs.contract.ts';
import type { Blobs } from './blobs.ts';
import { openS3Blobs, type S3BlobsOptions } from './blobs-s3.ts';
import { BLOB_PART_BYTES, BLOB_READER_SOCKETS_MAX } from './limits.ts';
import { cuttableWire, type TestS3, testS3 } from './testing.ts';

describe('the blobs in S3', () => {
  blobsContract(() => openS3Blobs(testS3()));

  function clientOf({ endpoint, region, accessKey, secretKey }: TestS3): S3Client {
    const credentials = { accessKeyId: accessKey, secretAccessKey: secretKey };
    const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials });
    onTestFinished(() => client.destroy());
    return client;
  }

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
    const client = clientOf(corner);
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

  test('a ping makes the bucket of a store that came up late, unless it must exist or was there before', async () => {
    const corner = testS3();
    const wire = await cuttableWire(corner.endpoint);
    onTestFinished(() => wire.close());
    wire.cut();
    const late = { ...corner, endpoint: wire.url };
    const [reader, blobs] = [await open({ ...late, mustExist: true }), await open(late)];
    wire.restore();
    const unavailable = { code: 'service.unavailable' };
    const notFound = { ...unavailable, cause: { $metadata: { httpStatusCode: 404 } } };
    const waiting = { timeout: 20_000 };
    // A ping gives up soon, which a busy machine may take for silence.
    await vi.waitFor(() => expect(reader.ping()).rejects.toMatchObject(notFound), waiting);
    await vi.waitFor(() => blobs.ping(), waiting);
    await vi.waitFor(() => reader.ping(), waiting);
    await clientOf(corner).send(new DeleteBucketCommand({ Bucket: corner.bucket }));
    await vi.waitFor(() => expect(blobs.ping()).rejects.toMatchObject(notFound), waiting);
  });

  test('many uploads and processes may find the bucket missing at the same time', async () => {
    const corner = testS3();
    const stores = await Promise.all([open(corner), open(corner), open(corner)]);
    const puts = stores.map((blobs) => blobs.put(randomUUID(), new Response('x').body!));
    expect(await Promise.all(puts)).toEqual([1, 1, 1]);
  });

  test('other objects and uploads in the bucket are passed over', async () => {
    const corner = testS3();
    const blobs = await open(corner);
    const client = clientOf(corner);
    const { bucket: Bucket } = corner;
    await client.send(new PutObjectCommand({ Bucket, Key: 'a/b', Body: 'x' }));
    await client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'c/d' }));
    expect(await Array.fromAsync(blobs.list())).toEqual([]);
    expect(await Array.fromAsync(blobs.listUnfinished())).toEqual([]);
  });

  test('a presigned address gives one blob, to GET alone, and as a download', async () => {
    const blobs = await open(testS3());
    const [key, other] = [randomUUID(), randomUUID()];
    for (const each of [key, other]) await blobs.put(each, new Response(`of ${each}`).body!);
    const address = (await blobs.presign?.(key, { seconds: 60 })) ?? '';
    const answer = await fetch(address, { headers: { range: 'bytes=0-1' } });
    expect(answer.status).toBe(206);
    expect(await answer.text()).toBe('of');
    expect(answer.headers.get('content-disposition')).toBe('attachment');
    expect(answer.headers.get('content-type')).toBe('application/octet-stream');
    const refused = [
      await fetch(address.replace(key, other)),
      await fetch(address, { method: 'HEAD' }),
      await fetch(address, { method: 'DELETE' }),
      await fetch(address, { method: 'PUT', body: 'x' }),
      await fetch(address.replace('Expires=60', 'Expires=61')),
      await fetch(address.replace('=attachment', '=inline')),
    ];
    expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 403));
    const missing = (await blobs.presign?.(randomUUID(), { seconds: 60 })) ?? '';
    expect((await fetch(missing)).status).toBe(404);
    await expect(blobs.presign?.('../x', { seconds: 60 })).rejects.toThrow(TypeError);
  });

  test('a presigned address is where clients find the store', async () => {
    const blobs = await open({ ...testS3(), publicEndpoint: 'https://files.example.org:8443/s3/' });
    const key = randomUUID();
    const { origin, pathname } = new URL((await blobs.presign?.(key, { seconds: 60 })) ?? '');
    expect(origin).toBe('https://files.example.org:8443');
    expect(pathname).toMatch(new RegExp(`^/s3/test-[0-9a-f-]+/${key}$`));
  });

  test('readers that read nothing take the store from nobody', async () => {
    const server = createServer((request, response) => {
      request.resume().once('end', () => {
        if (request.method !== 'GET') return response.end();
        response.writeHead(200, { 'content-length': 10 });
        // As far as it goes to a reader that takes no more.
        if (request.headers.range === undefined) response.write('x');
        else response.end('0123456789');
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const blobs = await open({ ...testS3(), endpoint: `http://127.0.0.1:${address.port}` });
    const slow = Array.from({ length: BLOB_READER_SOCKETS_MAX }, () => {
      return blobs.get(randomUUID(), undefined, 'reader');
    });
    expect((await Promise.all(slow)).every((blob) => blob !== undefined)).toBe(true);
    await blobs.ping();
    expect(await blobs.put(randomUUID(), new Uint8Array(10))).toBe(10);
    const own = await blobs.get(randomUUID(), { start: 0, end: 9 });
    expect(await new Response(own?.body).text()).toBe('0123456789');
    await Promise.all(slow.map(async (each) => (await each)?.body.cancel()));
  });

  test('whoever only reads makes no bucket, and takes none that is missing for an empty one', async () => {
    const corner = testS3();
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await expect(open({ ...corner, mustExist: true })).rejects.toThrow(/S3_BUCKET.*no bucket/);
    }
    await open(corner);
    await expect(open({ ...corner, mustExist: true })).resolves.toBeDefined();
  });

  test('a key that the store refuses is told as the operator’s fault, without the key', async () => {
    const corner = testS3();
    await open(corner);
    const opening = open({ ...corner, secretKey: 'wrong-secret' });
    await expect(opening).rejects.toThrow(/S3_SECRET_KEY.*refuses this key/);
    await expect(opening).rejects.not.toThrow('wrong-secret');
  });
});
