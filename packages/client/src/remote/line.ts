/** Ways for values between two sides of one account: a page and its worker, two tabs, two processes. */

/** Carries what a structured clone carries, in order, all of it or nothing more. */
export interface Line {
  /** Throws what the engine says of a value that it does not carry. Nothing happens once the line is closed. */
  send(value: unknown): void;
  /** Calls `listener` with each value that comes, from now on. Called once. */
  listen(listener: (value: unknown) => void): void;
  /** Aborted when nothing comes any more. */
  readonly closed: AbortSignal;
  close(): void;
  /** Whether a `Blob` goes through as it is. */
  readonly carriesBlobs: boolean;
}

/** The ports of pages and workers, and those of Node. */
export type Port = Pick<MessagePort, 'postMessage' | 'addEventListener' | 'start' | 'close'>;

/**
 * A line over one end of a `MessageChannel`. That the other end is gone no browser tells for sure: whoever knows it, as
 * of a worker that has failed, aborts `gone`.
 */
export function portLine(port: Port, gone?: AbortSignal): Line {
  const closing = new AbortController();
  const close = () => {
    if (closing.signal.aborted) return;
    closing.abort();
    port.close();
  };
  port.addEventListener('close', close);
  gone?.addEventListener('abort', close);
  return {
    send(value) {
      if (!closing.signal.aborted) port.postMessage(value);
    },
    listen(listener) {
      port.addEventListener('message', ({ data }) => listener(data));
      port.start();
    },
    closed: closing.signal,
    close,
    carriesBlobs: true,
  };
}
