/** Files that are being saved: they go on wherever somebody scrolls to or looks meanwhile. */
import type { Client, FileReference, Observable } from '@sotto/client';
import { createSettable } from '@sotto/hooks';
import type { Place } from './save-opened.ts';

type FileId = FileReference['id'];

/** What the board needs of a client. */
export type DownloadDeps = Pick<Client, 'openFile'>;

/** How far each of them is: a part of 1. */
export interface DownloadBoard extends Observable<ReadonlyMap<FileId, number>> {
  /** Saves a file, once at a time. Rejects as the SDK and the place do, and not when it was cancelled. */
  readonly save: (file: FileReference, place: Place) => Promise<void>;
  readonly cancel: (id: FileId) => void;
}

const boards = new WeakMap<DownloadDeps, DownloadBoard>();

/** The one board of a client. */
export function downloadsOf(client: DownloadDeps): DownloadBoard {
  const board = boards.get(client) ?? openDownloadBoard(client);
  boards.set(client, board);
  return board;
}

/** An empty board. */
export function openDownloadBoard(client: DownloadDeps): DownloadBoard {
  const parts = createSettable<ReadonlyMap<FileId, number>>(new Map());
  const aborts = new Map<FileId, AbortController>();
  return {
    get: parts.get,
    subscribe: parts.subscribe,
    cancel: (id) => aborts.get(id)?.abort(),
    async save(file, place) {
      const { id } = file;
      if (aborts.has(id)) return;
      const abort = new AbortController();
      const { signal } = abort;
      const show = (part: number) => parts.set(new Map(parts.get()).set(id, part));
      aborts.set(id, abort);
      show(0);
      try {
        const opened = await client.openFile({ content: { type: 'file', file } }, { signal });
        await place.take(opened, (done) => show(partOf(done, opened.size)));
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        aborts.delete(id);
        parts.set(new Map([...parts.get()].filter(([other]) => other !== id)));
      }
    },
  };
}

/** How much of a file has come; all of an empty one. */
export function partOf(done: number, size: number): number {
  return size === 0 ? 1 : done / size;
}
