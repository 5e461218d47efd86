/** Files on their way up: one after another in each conversation, whichever chat is open. */
import type { Client, Observable } from '@sotto/client';
import type { ConversationId } from '@sotto/hooks';
import { thumbnailOf } from './thumbnail.ts';

/** One file, as a page shows it. */
export interface Upload {
  readonly id: string;
  readonly conversation: ConversationId;
  readonly name: string;
  readonly size: number;
  /** `failed` waits for somebody to try again, `paused` for whoever has paused it. */
  readonly state: 'waiting' | 'sending' | 'paused' | 'failed';
  /** Bytes of what travels. */
  readonly done: number;
  readonly total: number;
  /** Why it has failed. */
  readonly error?: unknown;
}

/** What the board needs of a client. */
export type UploadDeps = Pick<Client, 'sendFile'>;

interface Job {
  readonly file: File;
  upload: Upload;
  abort: AbortController | undefined;
}

const boards = new WeakMap<UploadDeps, UploadBoard>();

/** The one board of a client. */
export function uploadsOf(client: UploadDeps): UploadBoard {
  const board = boards.get(client) ?? new UploadBoard(client);
  boards.set(client, board);
  return board;
}

/** What goes up, and what has stopped. A file that is there leaves the board: it is a message now. */
export class UploadBoard implements Observable<readonly Upload[]> {
  readonly #client: UploadDeps;
  readonly #jobs = new Map<string, Job>();
  readonly #listeners = new Set<() => void>();
  #uploads: readonly Upload[] = [];
  #count = 0;

  constructor(client: UploadDeps) {
    this.#client = client;
  }

  readonly get = (): readonly Upload[] => this.#uploads;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Sends files to a conversation. */
  add(conversation: ConversationId, files: readonly File[]): void {
    for (const file of files) {
      this.#count += 1;
      const id = `${this.#count}`;
      const { name, size } = file;
      const upload = {
        id,
        conversation,
        name,
        size,
        state: 'waiting',
        done: 0,
        total: size,
      } as const;
      this.#jobs.set(id, { file, upload, abort: undefined });
    }
    this.#show();
    this.#begin(conversation);
  }

  /** What has got through stays on the platform. */
  pause(id: string): void {
    this.#stop(id, 'paused');
  }

  /** Goes on with what was paused or has failed. */
  resume(id: string): void {
    const job = this.#jobs.get(id);
    if (job?.upload.state !== 'paused' && job?.upload.state !== 'failed') return;
    // What was paused a moment ago may still be ending: it begins again when it has.
    this.#change(job, { state: 'waiting' });
    this.#begin(job.upload.conversation);
  }

  /** Gives a file up. What has got through runs out on the platform by itself. */
  cancel(id: string): void {
    const job = this.#jobs.get(id);
    this.#jobs.delete(id);
    job?.abort?.abort();
    this.#show();
  }

  #stop(id: string, state: Upload['state']): void {
    const job = this.#jobs.get(id);
    if (job === undefined) return;
    job.abort?.abort();
    this.#change(job, { state });
  }

  /** Begins the first that waits, unless one of the conversation is under way. */
  #begin(conversation: ConversationId): void {
    const jobs = [...this.#jobs.values()].filter(
      ({ upload }) => upload.conversation === conversation,
    );
    const next = jobs.find(({ upload }) => upload.state === 'waiting');
    if (next === undefined || jobs.some(({ abort }) => abort !== undefined)) return;
    void this.#send(next);
  }

  async #send(job: Job): Promise<void> {
    const abort = new AbortController();
    job.abort = abort;
    this.#change(job, { state: 'sending' });
    const { id, conversation } = job.upload;
    try {
      const thumbnail = await thumbnailOf(job.file);
      await this.#client.sendFile(conversation, inputOf(job.file, thumbnail), {
        signal: abort.signal,
        pausable: true,
        onProgress: ({ done, total }) => this.#change(job, { done, total }),
      });
      this.#jobs.delete(id);
    } catch (error) {
      if (!abort.signal.aborted) this.#change(job, { state: 'failed', error });
    } finally {
      job.abort = undefined;
      this.#show();
      this.#begin(conversation);
    }
  }

  #change(job: Job, change: Partial<Upload>): void {
    job.upload = { ...job.upload, ...change };
    this.#show();
  }

  #show(): void {
    this.#uploads = [...this.#jobs.values()].map(({ upload }) => upload);
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Browsers know no type of some files; the SDK wants one. */
function inputOf(file: File, thumbnail: Awaited<ReturnType<typeof thumbnailOf>>) {
  const type = file.type === '' ? 'application/octet-stream' : file.type;
  return { name: file.name || 'file', type, data: file, ...(thumbnail && { thumbnail }) };
}
