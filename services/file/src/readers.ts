/** Who reads files just now: a few transfers for each, none of them slower than is borne. */
import { ApiError, type UserId } from '@sotto/api';
import {
  DOWNLOAD_PAUSE_MS_FIRST,
  DOWNLOAD_PAUSE_MS_MAX,
  DOWNLOAD_RATE_MIN,
  DOWNLOAD_RETRY_SECONDS,
  DOWNLOADS_PER_USER_MAX,
  STORE_SILENCE_MS_MAX,
} from './limits.ts';

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
        throw new ApiError('rate.limited', { detail, retryAfter: DOWNLOAD_RETRY_SECONDS });
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
  let creditMs = DOWNLOAD_PAUSE_MS_FIRST;
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
          creditMs = Math.min(
            creditMs + (value.byteLength * 1000) / DOWNLOAD_RATE_MIN,
            DOWNLOAD_PAUSE_MS_MAX,
          );
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
    }, STORE_SILENCE_MS_MAX);
    reader
      .read()
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}
