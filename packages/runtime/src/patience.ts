/** A deadline for a peer that runs only while it is the peer's turn, not while we wait for whoever sends to us. */

export interface Patience {
  /** Aborted once the peer has kept us waiting too long. */
  readonly signal: AbortSignal;
  /** The same body. Between its chunks the peer has nothing to do, so the deadline starts anew with each. */
  watch(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array>;
  /** True once that body broke off: whatever failed then is not the peer's fault. */
  broken(): boolean;
  /** The peer has answered. */
  end(): void;
}

/** Starts to wait for a peer. */
export function startPatience(deadlineMs: number): Patience {
  const controller = new AbortController();
  let ended = false;
  let broken = false;
  let timer: NodeJS.Timeout | undefined;
  const pause = (): void => clearTimeout(timer);
  const wait = (): void => {
    pause();
    if (!ended) timer = setTimeout(() => controller.abort(), deadlineMs);
  };
  wait();
  return {
    signal: controller.signal,
    watch(body) {
      const reader = body.getReader();
      return new ReadableStream<Uint8Array>(
        {
          async pull(stream) {
            pause();
            const { done, value } = await reader.read().catch((error: unknown) => {
              broken = true;
              throw error;
            });
            wait();
            if (done) stream.close();
            else stream.enqueue(value);
          },
          cancel: (reason) => reader.cancel(reason),
        },
        { highWaterMark: 0 },
      );
    },
    broken: () => broken,
    end() {
      ended = true;
      pause();
    },
  };
}
