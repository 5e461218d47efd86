/**
 * The bus of a platform that is one process.
 *
 * Nothing outlives the process, so `publish` resolves only when every group of consumers has taken the message: until
 * then its row stays in the outbox, and a crash loses nothing. What is published before a group registers is kept for
 * it, within bounds.
 */
import type { Bus } from './bus.ts';
import { createFollowers } from './bus-memory-followers.ts';
import { type BusMessage, createGroup, type Group } from './bus-memory-group.ts';
import { createPast, createPublished } from './bus-memory-past.ts';
import { createSignals } from './bus-memory-signals.ts';
import { assertPublishable, logOf } from './bus-subjects.ts';
import { withDeadline } from './deadline.ts';
import { BUS_DEADLINE_MS } from './limits.ts';
import type { Logger } from './log.ts';

export interface MemoryBusOptions {
  log?: Logger;
}

/** A bus for one process. */
export function createMemoryBus({ log }: MemoryBusOptions = {}): Bus {
  const groups = new Map<string, Group>();
  const past = createPast();
  const published = createPublished();
  const followers = createFollowers(log);
  const signals = createSignals(log);
  let closed = false;

  function append(message: BusMessage): Promise<void> {
    const taking = [...groups.values()].filter((group) => group.subject === message.subject);
    if (taking.some((group) => group.isFull())) throw new Error('a consumer is too far behind');
    if (logOf(message.subject) === 'events') past.add(message);
    followers.push(message.subject, message.data);
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
      return group.join(handler);
    },

    async follow(subject, follower) {
      refuseIfClosed(closed);
      logOf(subject);
      return followers.add(subject, follower);
    },

    signal: signals.signal,

    async listen(pattern, handler) {
      refuseIfClosed(closed);
      return signals.listen(pattern, handler);
    },

    async ping() {
      refuseIfClosed(closed);
    },

    async close() {
      closed = true;
      signals.clear();
      const closing = [...groups.values()].map((group) => group.close());
      await Promise.all([followers.close(), ...closing]);
    },
  };
}

function refuseIfClosed(closed: boolean): void {
  if (closed) throw new Error('the bus is closed');
}
