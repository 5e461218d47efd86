/**
 * The bus of a platform that is one process.
 *
 * Nothing outlives the process, so `publish` resolves only when every group of consumers has taken the message: until
 * then its row stays in the outbox, and a crash loses nothing. What is published before a group registers is kept for
 * it, within bounds.
 */
import type { Bus, LogLevel } from './bus.ts';
import { createFollowers } from './bus-memory-followers.ts';
import { type BusMessage, createGroup, type Group } from './bus-memory-group.ts';
import { createPast, createPublished } from './bus-memory-past.ts';
import { createSignals } from './bus-memory-signals.ts';
import { assertPublishable, logOf } from './bus-subjects.ts';
import { withDeadline } from './deadline.ts';
import { BUS_DEADLINE_MS, BUS_MEMORY_BACKLOG_MAX } from './limits.ts';
import type { Logger } from './log.ts';

export interface MemoryBusOptions {
  log?: Logger;
}

/** A bus for one process. */
export function createMemoryBus({ log: logger }: MemoryBusOptions = {}): Bus {
  const groups = new Map<string, Group>();
  // Each its own: many of the one must not push out what a group of the other has yet to come for.
  const past = { events: createPast(), audit: createPast() };
  const published = createPublished();
  const followers = createFollowers(logger);
  const signals = createSignals(logger);
  let closed = false;

  function append(message: BusMessage): Promise<void> {
    const taking = [...groups.values()].filter((group) => group.subject === message.subject);
    if (taking.some((group) => group.isFull())) throw new Error('a consumer is too far behind');
    const log = logOf(message.subject);
    if (log !== 'fanout') past[log].add(message);
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
      const log = logOf(subject);
      const key = `${name} ${subject}`;
      const group = groups.get(key) ?? createGroup(name, subject, logger);
      if (!groups.has(key) && log !== 'fanout') deliverAll(group, past[log].of(subject));
      groups.set(key, group);
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

    async levels() {
      refuseIfClosed(closed);
      return [levelOf('events', groups.values()), levelOf('audit', groups.values())];
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

/** What was published before the group came. */
function deliverAll(group: Group, messages: readonly BusMessage[]): void {
  for (const message of messages) void group.deliver(message);
}

/** A group that is full refuses for all of its subject, so the fullest one counts. */
function levelOf(log: LogLevel['log'], groups: Iterable<Group>): LogLevel {
  const waiting = [...groups]
    .filter(({ subject }) => logOf(subject) === log)
    .map((group) => group.waiting());
  return { log, messages: Math.max(0, ...waiting), max: BUS_MEMORY_BACKLOG_MAX };
}

function refuseIfClosed(closed: boolean): void {
  if (closed) throw new Error('the bus is closed');
}
