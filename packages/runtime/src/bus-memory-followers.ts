/** The followers of the in-process bus, each with a queue of its own. */
import type { Closable, Follower } from './bus.ts';
import { BUS_MEMORY_BACKLOG_MAX, BUS_MEMORY_BYTES_MAX } from './limits.ts';
import type { Logger } from './log.ts';

export interface Followers {
  /** Hands a message to all who follow its subject. */
  push(subject: string, data: Uint8Array): void;
  add(subject: string, follower: Follower): Closable;
  /** Closes all. */
  close(): Promise<void>;
}

/** Nobody follows yet. */
export function createFollowers(log: Logger | undefined): Followers {
  const lines = new Set<{ subject: string; line: Line }>();
  return {
    push(subject, data) {
      for (const entry of lines) if (entry.subject === subject) entry.line.push(data);
    },
    add(subject, follower) {
      const entry = { subject, line: createLine(follower, log) };
      lines.add(entry);
      return {
        async close() {
          lines.delete(entry);
          await entry.line.close();
        },
      };
    },
    async close() {
      const closing = [...lines].map(({ line }) => line.close());
      lines.clear();
      await Promise.all(closing);
    },
  };
}

interface Line {
  push(data: Uint8Array): void;
  /** Drops what is queued, having waited for the message under way. */
  close(): Promise<void>;
}

/** A follower that falls too far behind, or fails, has a gap. */
function createLine(follower: Follower, log: Logger | undefined): Line {
  let queue: Uint8Array[] = [];
  let bytes = 0;
  let working = Promise.resolve();
  let busy = false;

  function clear(): void {
    queue = [];
    bytes = 0;
  }

  async function drain(): Promise<void> {
    // Not in the publisher's own turn: a follower may publish too.
    await null;
    for (let data = queue.shift(); data !== undefined; data = queue.shift()) {
      bytes -= data.byteLength;
      try {
        await follower.onMessage(data);
      } catch (error) {
        log?.error('a follower failed', { error });
        follower.onGap();
      }
    }
    busy = false;
  }

  return {
    push(data) {
      if (queue.length >= BUS_MEMORY_BACKLOG_MAX || bytes > BUS_MEMORY_BYTES_MAX) {
        clear();
        follower.onGap();
      }
      queue.push(data);
      bytes += data.byteLength;
      if (busy) return;
      busy = true;
      working = drain();
    },
    async close() {
      clear();
      await working;
    },
  };
}
