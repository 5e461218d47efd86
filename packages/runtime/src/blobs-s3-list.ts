/** What a bucket holds, page by page. */
import {
  ListMultipartUploadsCommand,
  paginateListObjectsV2,
  type S3Client,
} from '@aws-sdk/client-s3';
import { isBlobKey } from './blob-key.ts';
import type { PartsAttempt } from './blobs.ts';
import { ask } from './blobs-s3-parts.ts';
import { unavailable } from './unavailable.ts';

/** The blobs in the order of their keys; other objects are passed over. Faults of the store are `service.unavailable`. */
export async function* listObjects(
  client: S3Client,
  Bucket: string,
  StartAfter: string | undefined,
): AsyncGenerator<{ key: string; modifiedAt: Date }> {
  const from = { Bucket, ...(StartAfter !== undefined && { StartAfter }) };
  try {
    for await (const { Contents = [] } of paginateListObjectsV2({ client }, from)) {
      for (const { Key = '', LastModified } of Contents) {
        if (isBlobKey(Key) && LastModified !== undefined) {
          yield { key: Key, modifiedAt: LastModified };
        }
      }
    }
  } catch (error) {
    throw unavailable(error);
  }
}

/** The multipart uploads that are neither complete nor aborted. Faults of the store are `service.unavailable`. */
export async function* listMultiparts(
  client: S3Client,
  Bucket: string,
): AsyncGenerator<PartsAttempt & { begunAt: Date }> {
  let after: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } = {};
  for (let isMore = true; isMore; ) {
    const page = await ask(client.send(new ListMultipartUploadsCommand({ Bucket, ...after })));
    for (const { Key = '', UploadId, Initiated } of page.Uploads ?? []) {
      if (isBlobKey(Key) && UploadId !== undefined && Initiated !== undefined) {
        yield { key: Key, attempt: UploadId, begunAt: Initiated };
      }
    }
    isMore = page.IsTruncated === true;
    after = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
  }
}
