/** One group of consumers of the in-process bus: a queue, delivered in order, one message at a time. */
import type { BusHandler, Closable } from './bus.ts';
import { BUS_MEMORY_BACKLOG_MAX, BUS_RETRY_FIRST_MS, BUS_RETRY_MAX_MS } from './limits.ts';
import type { Logger } from './log.ts';
import { createPause } from './pause.ts';

export interface BusMessage {
  subject: string;
  data: Uint8Array;
}

export interface Group {
  readonly subject: string;
  /** Messages that no handler has taken yet. */
  waiting(): number;
  /** True when no more can be queued. */
  isFull(): boolean;
  /** Queues a message. Resolves when a handler has taken it, which may be never. */
  deliver(message: BusMessage): Promise<void>;
  /** Adds a handler; messages go to the handlers in turn. Closing removes it, having waited for it. */
  join(handler: BusHandler): Closable;
  /** Stops for good, after the delivery under way. */
  close(): Promise<void>;
}

interface Queued {
  message: BusMessage;
  taken: () => void;
}

/** A group without handlers, which keeps what is delivered until one joins. */
export function createGroup(name: string, subject: string, log: Logger | undefined): Group {
  const queue: Queued[] = [];
  const handlers: BusHandler[] = [];
  let turn = 0;
  let working = Promise.resolve();
  let busy = false;
  const pause = createPause();
  let closed = false;

  function work(): void {
    if (busy) return;
    busy = true;
    working = drain();
  }

  async function drain(): Promise<void> {
    let attempt = 0;
    for (;;) {
      const next = queue[0];
      const handler = handlers[turn++ % Math.max(1, handlers.length)];
      if (closed || next === undefined || handler === undefined) {
        // In the same turn as the look at the queue: what comes after it finds nobody at work.
        busy = false;
        return;
      }
      try {
        await handler(next.message.data, next.message.subject);
        queue.shift();
        next.taken();
        attempt = 0;
      } catch (error) {
        attempt++;
        log?.warn('a consumer failed', { name, subject, attempt, error });
        if (!closed) await pause.rest(restMs(attempt));
      }
    }
  }

  return {
    subject,
    waiting: () => queue.length,
    isFull: () => queue.length >= BUS_MEMORY_BACKLOG_MAX,
    deliver(message) {
      return new Promise((taken) => {
        queue.push({ message, taken });
        work();
      });
    },
    join(handler) {
      // A function of its own, so that a handler that joined twice can leave once.
      const joined: BusHandler = (data, from) => handler(data, from);
      handlers.push(joined);
      work();
      return {
        async close() {
          const index = handlers.indexOf(joined);
          if (index >= 0) handlers.splice(index, 1);
          pause.wake();
          // Others of the group go on; waiting for them would be waiting for ever.
          if (handlers.length === 0) await working;
        },
      };
    },
    async close() {
      closed = true;
      pause.wake();
      await working;
    },
  };
}

/** How long a failed message waits, by how often it has failed. */
function restMs(attempt: number): number {
  return Math.min(BUS_RETRY_MAX_MS, BUS_RETRY_FIRST_MS * 2 ** (attempt - 1));
}
