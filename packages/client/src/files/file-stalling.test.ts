/** A platform that takes pieces, says that it took them, and gets nowhere: an upload ends. */
import { ConversationId, FileId, UPLOAD_PIECE_BYTES } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Call } from '../connection/call.ts';
import { TRANSFER_ATTEMPTS_MAX } from '../limits.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { lengthsOf } from './file-lengths.ts';
import type { UploadDeps, UploadJob } from './file-upload-job.ts';
import { bringer } from './file-upload-steps.ts';

const ID = '018f0000-0000-4000-8000-00000000000d';
const piece = new Uint8Array(UPLOAD_PIECE_BYTES);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Brings one piece to a platform that answers so; which operations it took until the upload gave up. */
async function bring(offsets: { continueUpload: number; findUpload: number }): Promise<string[]> {
  const taken: string[] = [];
  const call = (async ({ id }: { id: keyof typeof offsets }) => {
    // A bound, so that a failure of this test ends.
    if (taken.push(id) > 1000) throw new Error('it does not end');
    return { 'upload-offset': offsets[id] };
  }) as Call;
  const deps: UploadDeps = {
    ...{ call, random: () => 0, closing: new AbortController().signal },
    ...{ provider: nodeProvider, store: openMemoryStore(), clock: Date.now },
  };
  const job: UploadJob = {
    input: { name: 'a', type: 'a/b', data: piece },
    conversation: ConversationId.parse(ID),
    lengths: lengthsOf(piece.length),
    storeKey: undefined,
  };
  const bringing = bringer(deps, job, FileId.parse(ID))(piece, 0);
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  bringing.then(over, over);
  while (!isOver) {
    await vi.advanceTimersByTimeAsync(60_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await expect(bringing).rejects.toMatchObject({ name: 'ConnectionError' });
  return taken;
}

test('when the platform stands where it stood', async () => {
  const taken = await bring({ continueUpload: 0, findUpload: 0 });
  expect(taken.filter((id) => id === 'continueUpload')).toHaveLength(TRANSFER_ATTEMPTS_MAX);
});

test('when the platform goes to and fro', async () => {
  const taken = await bring({ continueUpload: 100, findUpload: 0 });
  expect(taken.filter((id) => id === 'findUpload')).toHaveLength(TRANSFER_ATTEMPTS_MAX - 1);
});
