import { ConnectionError, type FileReference, type OpenedFile } from '@sotto/client';
import { expect, test, vi } from 'vitest';
import { openDownloadBoard } from './download-board.ts';
import type { Place } from './save-opened.ts';

const file = { id: 'film' } as FileReference;

/** A client whose file comes as the test says, and a place that takes it. */
function openBoard() {
  const coming = Promise.withResolvers<void>();
  const openFile = vi.fn(async (_: object, { signal }: { signal?: AbortSignal } = {}) => {
    signal?.addEventListener('abort', () => coming.reject(signal.reason));
    return { size: 4 } as OpenedFile;
  });
  let progress: (done: number) => void = () => expect.fail('nothing has come');
  const place: Place = {
    async take(_, onProgress) {
      progress = onProgress;
      await coming.promise;
    },
  };
  const board = openDownloadBoard({ openFile });
  return { board, place, openFile, coming, tell: (done: number) => progress(done) };
}

test('a file is saved once at a time, and whoever looks sees how far it is', async () => {
  const { board, place, openFile, coming, tell } = openBoard();
  const saved = board.save(file, place);
  expect(board.get().get(file.id)).toBe(0);
  await board.save(file, place);
  await vi.waitFor(() => tell(3));
  expect(board.get().get(file.id)).toBe(0.75);
  coming.resolve();
  await saved;
  expect(board.get().has(file.id)).toBe(false);
  expect(openFile).toHaveBeenCalledTimes(1);
});

test('what is cancelled ends without a fault, what fails tells of it, and both can be begun again', async () => {
  const cancelled = openBoard();
  const ended = cancelled.board.save(file, cancelled.place);
  cancelled.board.cancel(file.id);
  await ended;
  expect(cancelled.board.get().size).toBe(0);
  const failed = openBoard();
  const trouble = failed.board.save(file, failed.place);
  failed.coming.reject(new ConnectionError('gone'));
  await expect(trouble).rejects.toThrow(ConnectionError);
  expect(failed.board.get().size).toBe(0);
});
