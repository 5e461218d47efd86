/** A platform that gets nowhere: it takes pieces and says that it took them, or gives none. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConversationId, FileId } from '@sotto/api';
import { UPLOAD_PIECE_BYTES } from '@sotto/api/files';
import { makeFileKey } from '@sotto/crypto/files';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, expect, test, vi } from 'vitest';
import type { Call } from '../connection/call.ts';
import { DOWNLOAD_SILENCE_MS_MAX, TRANSFER_ATTEMPTS_MAX } from '../limits.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { ciphertextReader, openWhole } from './file-download.ts';
import { lengthsOf } from './file-lengths.ts';
import type { UploadDeps, UploadJob } from './file-upload-job.ts';
import { bringer } from './file-upload-steps.ts';

const ID = '018f0000-0000-4000-8000-00000000000d';
const piece = new Uint8Array(UPLOAD_PIECE_BYTES);

afterEach(() => {
  vi.useRealTimers();
});

/** Brings one piece to a platform that answers so; which operations it took until the upload gave up. */
async function bring(offsets: { continueUpload: number; findUpload: number }): Promise<string[]> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
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

test('an upload ends when the platform stands where it stood', async () => {
  const taken = await bring({ continueUpload: 0, findUpload: 0 });
  expect(taken.filter((id) => id === 'continueUpload')).toHaveLength(TRANSFER_ATTEMPTS_MAX);
});

test('and when the platform goes to and fro', async () => {
  const taken = await bring({ continueUpload: 100, findUpload: 0 });
  expect(taken.filter((id) => id === 'findUpload')).toHaveLength(TRANSFER_ATTEMPTS_MAX - 1);
});

test('who stops reading waits for no byte that does not come', async () => {
  const left = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    response.flushHeaders();
    request.on('close', () => left.resolve());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const call = (async (_endpoint, _input, { signal } = {}) =>
    (await fetch(url, { signal: signal ?? null })).body) as Call;
  const deps = { call, random: () => 0, closing: new AbortController().signal };
  const lengths = lengthsOf(piece.length);
  const file = { id: FileId.parse(ID), length: lengths.ciphertext, signal: undefined };
  const secret = { key: makeFileKey(nodeProvider), context: new Uint8Array() };
  const sealed = { secret, lengths, digest: undefined };
  const reader = openWhole(nodeProvider, ciphertextReader(deps, file), sealed).getReader();
  const reading = reader.read();
  await new Promise((resolve) => server.once('request', resolve));
  const startedAt = performance.now();
  await reader.cancel();
  await left.promise;
  expect(performance.now() - startedAt).toBeLessThan(DOWNLOAD_SILENCE_MS_MAX / 2);
  expect(await reading).toMatchObject({ done: true });
  await new Promise((resolve) => server.close(resolve));
});
