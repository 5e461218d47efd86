/** What the in-process bus remembers: messages for groups that register later, and ids that were published. */
import type { BusMessage } from './bus-memory-group.ts';
import {
  BUS_DEDUPE_MS,
  BUS_MEMORY_BACKLOG_MAX,
  BUS_MEMORY_BYTES_MAX,
  BUS_MEMORY_IDS_MAX,
} from './limits.ts';

export interface Past {
  add(message: BusMessage): void;
  /** The messages of a subject, oldest first. */
  of(subject: string): BusMessage[];
}

/** The newest messages, bounded in number and bytes. */
export function createPast(): Past {
  const messages: BusMessage[] = [];
  let bytes = 0;
  return {
    add(message) {
      messages.push(message);
      bytes += message.data.byteLength;
      while (messages.length > BUS_MEMORY_BACKLOG_MAX || bytes > BUS_MEMORY_BYTES_MAX) {
        bytes -= messages.shift()?.data.byteLength ?? 0;
      }
    },
    of: (subject) => messages.filter((message) => message.subject === subject),
  };
}

export interface Published {
  /** Appends under an id that is new, or gives what became of its first time. */
  once(id: string, append: () => Promise<void>): Promise<void>;
}

/** Ids of the last two minutes, bounded in number. */
export function createPublished(): Published {
  const seen = new Map<string, { at: number; delivery: Promise<void> }>();
  return {
    once(id, append) {
      const now = performance.now();
      for (const [old, { at }] of seen) {
        if (now - at < BUS_DEDUPE_MS && seen.size < BUS_MEMORY_IDS_MAX) break;
        seen.delete(old);
      }
      const known = seen.get(id);
      if (known !== undefined) return known.delivery;
      const delivery = append();
      seen.set(id, { at: now, delivery });
      return delivery;
    },
  };
}
