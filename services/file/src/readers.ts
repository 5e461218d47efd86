/** Who reads files just now: a few transfers for each, none of them slower than is borne. */
import { ApiError, type UserId } from '@sotto/api';

/**
 * Transfers of one user in one process. Each keeps a connection to the store for as long as it reads: there are 512 of
 * them, so it takes 64 users at their slowest to use them up. Who opens a gallery asks again for the ninth.
 */
const DOWNLOADS_PER_USER_MAX = 8;

/** About when a small file has gone. */
const RETRY_SECONDS = 2;

/**
 * What a reader has to take, in bytes a second: 1.5 KiB. An upload has to bring 2 KiB, STRETCH_BYTES_MIN; a download is
 * seen only through the buffers on its way, and a slow network is to get what it could bring.
 */
const RATE_MIN = 1536;

/**
 * How long a reader may pause at first, and how long after it has taken much. What lies in buffers on the way is asked
 * for in lumps, up to a megabyte of them: 2 KiB/s take eight minutes for that.
 */
const PAUSE_MS_FIRST = 30_000;
const PAUSE_MS_MAX = 10 * 60_000;

/** How long the store may take for the next bytes. */
const STORE_MS_MAX = 60_000;

export interface Readers {
  /** Begins a transfer. Throws `rate.limited` when there are as many as there may be. Release it; twice is fine. */
  begin(user: UserId): () => void;
}

/** None at first. */
export function createReaders(): Readers {
  const counts = new Map<UserId, number>();
  return {
    begin(user) {
      const count = counts.get(user) ?? 0;
      if (count >= DOWNLOADS_PER_USER_MAX) {
        const detail = 'as many downloads as there may be at one time';
        throw new ApiError('rate.limited', { detail, retryAfter: RETRY_SECONDS });
      }
      counts.set(user, count + 1);
      let release = (): void => {
        release = () => undefined;
        const left = (counts.get(user) ?? 1) - 1;
        if (left === 0) counts.delete(user);
        else counts.set(user, left);
      };
      return () => release();
    },
  };
}

/**
 * The same bytes, broken off with `request.timeout` when their reader takes them too slowly, also when it takes none,
 * and with `service.unavailable` when none come. `onEnd` is called once, however it ends.
 */
export function paceReader(
  source: ReadableStream<Uint8Array>,
  onEnd: () => void,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  let creditMs = PAUSE_MS_FIRST;
  let givenAt = 0;
  let timer: NodeJS.Timeout | undefined;
  const end = (): void => {
    clearTimeout(timer);
    onEnd();
  };
  const letGo = (reason?: unknown): Promise<void> => {
    end();
    return reader.cancel(reason);
  };
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => wait(controller),
      async pull(controller) {
        clearTimeout(timer);
        creditMs -= performance.now() - givenAt;
        try {
          const { done, value } = await readInTime(reader);
          if (done) {
            end();
            return controller.close();
          }
          creditMs = Math.min(creditMs + (value.byteLength * 1000) / RATE_MIN, PAUSE_MS_MAX);
          controller.enqueue(value);
          wait(controller);
        } catch (error) {
          await letGo(error).catch(() => undefined);
          throw error;
        }
      },
      cancel: letGo,
    },
    { highWaterMark: 0 },
  );

  function wait(controller: ReadableStreamDefaultController<Uint8Array>): void {
    givenAt = performance.now();
    timer = setTimeout(
      () => {
        const slow = new ApiError('request.timeout', { detail: 'the file is read too slowly' });
        controller.error(slow);
        // It has told so already when it failed.
        letGo(slow).catch(() => undefined);
      },
      Math.max(0, creditMs),
    );
  }
}

type Reader = ReadableStreamDefaultReader<Uint8Array>;

function readInTime(reader: Reader): ReturnType<Reader['read']> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const cause = new Error('the store gives no more of a blob');
      reject(new ApiError('service.unavailable', { cause, retryAfter: 1 }));
    }, STORE_MS_MAX);
    reader
      .read()
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}
