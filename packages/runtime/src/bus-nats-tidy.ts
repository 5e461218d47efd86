/**
 * Removes from the logs what everybody has taken, so that only what somebody has yet to take counts towards their
 * bounds (docs/adr/0012-event-streams.md).
 */
import type { ConsumerInfo } from '@nats-io/jetstream';
import type { Closable } from './bus.ts';
import { durableName } from './bus-nats-consume.ts';
import { ifThere, type Place, type Streams } from './bus-nats-streams.ts';
import type { Logger } from './log.ts';

/** The groups that must have taken the messages of a subject before they go; other subjects are left alone. */
export type Groups = Readonly<Record<string, readonly string[]>>;

export interface TidyOptions {
  groups: Groups;
  everyMs: number;
  log: Logger | undefined;
}

/** Tidies now and then. Any number of processes may: what one has removed the others find gone. Close it. */
export function startTidying(streams: Streams, { groups, everyMs, log }: TidyOptions): Closable {
  let working = Promise.resolve();
  let busy = false;
  function begin(): void {
    if (busy) return;
    busy = true;
    working = removeTaken(streams, groups)
      .catch((error) => log?.warn('the logs cannot be tidied', { error }))
      .finally(() => {
        busy = false;
      });
  }
  begin();
  const timer = setInterval(begin, everyMs).unref();
  return {
    async close() {
      clearInterval(timer);
      await working;
    },
  };
}

/** Those that refuse when they are full. */
const LOGS = ['events', 'audit'] as const;

async function removeTaken(streams: Streams, groups: Groups): Promise<void> {
  for (const log of LOGS) {
    const consumers = await consumersOf(streams, streams.nameOf(log));
    for (const [subject, names] of Object.entries(groups)) {
      const place = [streams.placeOf(subject), streams.formerPlaceOf(subject)].find(
        (one) => one?.log === log,
      );
      if (place === undefined) continue;
      const durables = names.map((name) => durableName(name, subject));
      await removeUpTo(streams, place, takenByAll(consumers, place, durables));
    }
  }
}

async function consumersOf({ manager }: Streams, stream: string): Promise<ConsumerInfo[]> {
  const all: ConsumerInfo[] = [];
  // Without the stream there is nothing to list, and nothing to remove either.
  if ((await ifThere(manager.streams.info(stream))) === undefined) return all;
  for await (const consumer of manager.consumers.list(stream)) all.push(consumer);
  return all;
}

/**
 * The last sequence up to which all have taken what is theirs. Zero while one of those that must has never started, or
 * is not told of: the server leaves out consumers whose leader does not answer it.
 */
function takenByAll(
  consumers: readonly ConsumerInfo[],
  { subject }: Place,
  durables: readonly string[],
): number {
  const reading = consumers.filter(({ config }) => config.filter_subject === subject);
  const isWhole = durables.every((durable) => reading.some(({ name }) => name === durable));
  return isWhole ? Math.min(...reading.map(({ ack_floor }) => ack_floor.stream_seq)) : 0;
}

/** Infinity stands for a subject that nobody consumes. */
async function removeUpTo(
  { manager }: Streams,
  { stream, subject }: Place,
  last: number,
): Promise<void> {
  if (last === 0) return;
  const bound = Number.isFinite(last) ? { seq: last + 1 } : {};
  await ifThere(manager.streams.purge(stream, { filter: subject, ...bound }));
}
