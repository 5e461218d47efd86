/**
 * The bus of a platform that is one process.
 *
 * Nothing outlives the process, so `publish` resolves only when every group of consumers has taken the message: until
 * then its row stays in the outbox, and a crash loses nothing. What is published before a group registers is kept for
 * it, within bounds.
 */
import type { Bus, Closable, Follower } from './bus.ts';
import { type BusMessage, createGroup, type Group } from './bus-memory-group.ts';
import { assertPublishable, logOf, matchesSubject } from './bus-subjects.ts';
import { withDeadline } from './deadline.ts';
import {
  BUS_DEADLINE_MS,
  BUS_DEDUPE_MS,
  BUS_MEMORY_BACKLOG_MAX,
  BUS_MEMORY_BYTES_MAX,
  BUS_MEMORY_IDS_MAX,
} from './limits.ts';
import type { Logger } from './log.ts';

export interface MemoryBusOptions {
  log?: Logger;
}

/** A bus for one process. */
export function createMemoryBus({ log }: MemoryBusOptions = {}): Bus {
  const groups = new Map<string, Group>();
  const past = createPast();
  const published = createPublished();
  const followers = new Map<object, { subject: string; push: (data: Uint8Array) => void }>();
  const listeners = new Map<object, { pattern: string; hear: Hear }>();
  let closed = false;

  function append(message: BusMessage): Promise<void> {
    const taking = [...groups.values()].filter((group) => group.subject === message.subject);
    if (taking.some((group) => group.isFull())) throw new Error('a consumer is too far behind');
    if (logOf(message.subject) === 'events') past.add(message);
    for (const { subject, push } of followers.values()) {
      if (subject === message.subject) push(message.data);
    }
    return Promise.all(taking.map((group) => group.deliver(message))).then(() => undefined);
  }

  return {
    async publish(subject, data, id) {
      refuseIfClosed(closed);
      assertPublishable(subject, data);
      // A repeated id waits for the first one's delivery, which may still be under way. When it takes too long the
      // publisher keeps its copy, and the consumers' queue keeps theirs.
      const taken = published.once(id, () => append({ subject, data: data.slice() }));
      await withDeadline(taken, BUS_DEADLINE_MS);
    },

    async consume(name, subject, handler) {
      refuseIfClosed(closed);
      logOf(subject);
      const key = `${name} ${subject}`;
      let group = groups.get(key);
      if (group === undefined) {
        group = createGroup(name, subject, log);
        groups.set(key, group);
        for (const message of past.of(subject)) void group.deliver(message);
      }
      return closeOnce(group.join(handler));
    },

    async follow(subject, follower) {
      refuseIfClosed(closed);
      logOf(subject);
      const key = {};
      const line = createLine(follower, log);
      followers.set(key, { subject, push: line.push });
      return closeOnce(async () => {
        followers.delete(key);
        await line.close();
      });
    },

    signal(subject, data) {
      const copy = data.slice();
      for (const { pattern, hear } of listeners.values()) {
        if (matchesSubject(pattern, subject)) queueMicrotask(() => hear(copy, subject));
      }
    },

    async listen(pattern, handler) {
      refuseIfClosed(closed);
      const key = {};
      const hear: Hear = (data, subject) => {
        if (!listeners.has(key)) return;
        try {
          handler(data, subject);
        } catch (error) {
          log?.error('a listener failed', { subject: pattern, error });
        }
      };
      listeners.set(key, { pattern, hear });
      return closeOnce(async () => {
        listeners.delete(key);
      });
    },

    async ping() {
      refuseIfClosed(closed);
    },

    async close() {
      closed = true;
      listeners.clear();
      followers.clear();
      await Promise.all([...groups.values()].map((group) => group.close()));
    },
  };
}

type Hear = (data: Uint8Array, subject: string) => void;

function refuseIfClosed(closed: boolean): void {
  if (closed) throw new Error('the bus is closed');
}

function closeOnce(close: () => Promise<void>): Closable {
  let closing: Promise<void> | undefined;
  return {
    close() {
      closing ??= close();
      return closing;
    },
  };
}

/** What was published lately, for groups that register later: the newest messages, bounded in number and bytes. */
function createPast() {
  const messages: BusMessage[] = [];
  let bytes = 0;
  return {
    add(message: BusMessage): void {
      messages.push(message);
      bytes += message.data.byteLength;
      while (messages.length > BUS_MEMORY_BACKLOG_MAX || bytes > BUS_MEMORY_BYTES_MAX) {
        bytes -= messages.shift()?.data.byteLength ?? 0;
      }
    },
    of: (subject: string) => messages.filter((message) => message.subject === subject),
  };
}

/** Ids of the last two minutes with what became of them. */
function createPublished() {
  const seen = new Map<string, { at: number; delivery: Promise<void> }>();
  return {
    once(id: string, append: () => Promise<void>): Promise<void> {
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

/** A follower's own queue. One that falls too far behind, or fails, has a gap. */
function createLine(follower: Follower, log: Logger | undefined) {
  let queue: Uint8Array[] = [];
  let working: Promise<void> | undefined;
  let closed = false;

  async function drain(): Promise<void> {
    for (let data = queue.shift(); data !== undefined && !closed; data = queue.shift()) {
      try {
        await follower.onMessage(data);
      } catch (error) {
        log?.error('a follower failed', { error });
        follower.onGap();
      }
    }
  }

  return {
    push(data: Uint8Array): void {
      if (queue.length >= BUS_MEMORY_BACKLOG_MAX) {
        queue = [];
        follower.onGap();
      }
      queue.push(data);
      working ??= Promise.resolve()
        .then(drain)
        .finally(() => {
          working = undefined;
        });
    },
    async close(): Promise<void> {
      closed = true;
      await working;
    },
  };
}
