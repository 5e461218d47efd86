/** What the audits of this folder count is what a store holds: a layout that they did not know would look empty to them. */
import { randomUUID } from 'node:crypto';
import { BLOB_PART_BYTES, openDirectoryBlobs, openS3Blobs } from '@sotto/runtime';
import { testS3 } from '@sotto/runtime/testing';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openDirectory } from './object-store.ts';
import { findStored } from './stored.ts';

/** However busy the machine is. */
const WAITING = { timeout: 30_000 };

async function openBucket() {
  const corner = testS3();
  const { endpoint, bucket, accessKey, secretKey } = corner;
  return {
    blobs: await openS3Blobs(corner),
    environment: {
      ...{ S3_ENDPOINT: endpoint, S3_BUCKET: bucket },
      ...{ S3_ACCESS_KEY: accessKey, S3_SECRET_KEY: secretKey },
    },
  };
}

async function openFolder() {
  const { environment, close } = await openDirectory();
  onTestFinished(close);
  return {
    blobs: await openDirectoryBlobs({ directory: environment.FILE_DIRECTORY ?? '' }),
    environment,
  };
}

test.each([
  ['a bucket', openBucket],
  ['a directory', openFolder],
])('blobs in %s are found, and those that are not whole', async (_, open) => {
  const { blobs, environment } = await open();
  onTestFinished(() => blobs.close());
  const key = randomUUID();
  await blobs.put(key, new Uint8Array(1));
  const begun = randomUUID();
  const attempt = await blobs.beginParts(begun);
  let breakOff = (): void => undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const _ of [1, 2]) controller.enqueue(new Uint8Array(BLOB_PART_BYTES));
      breakOff = () => controller.error(new Error('the sender went away'));
    },
  });
  const putting = blobs.put(randomUUID(), body);
  const stored = () => findStored(environment);
  await vi.waitFor(async () => expect((await stored()).unfinished).toBe(2), WAITING);
  const failing = expect(putting).rejects.toThrow('the sender went away');
  breakOff();
  await failing;
  expect(await stored()).toEqual({ keys: [key], unfinished: 1 });
  await blobs.abortParts({ key: begun, attempt });
  await blobs.delete(key);
  expect(await stored()).toEqual({ keys: [], unfinished: 0 });
});
