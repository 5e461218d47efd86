/** The three JetStream streams of a platform, made by whoever needs them first (docs/adr/0012-event-streams.md). */
import {
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream';
import { type NatsConnection, nanos } from '@nats-io/nats-core';
import { AUDIT_SUBJECTS, type Log, logOf } from './bus-subjects.ts';
import {
  AUDIT_MAX,
  BUS_DEADLINE_MS,
  BUS_DEDUPE_MS,
  BUS_MESSAGE_BYTES_MAX,
  EVENTS_AGE_MS,
  EVENTS_MAX,
  FANOUT_AGE_MS,
  FANOUT_BYTES_MAX,
} from './limits.ts';

/** Where the messages of a subject lie on the server. */
export interface Place {
  log: Log;
  stream: string;
  /** The subject as the server has it. */
  subject: string;
}

export interface Streams {
  /** JetStream's own management calls. */
  readonly manager: JetStreamManager;
  /** The name of a log's stream. */
  nameOf(log: Log): string;
  /** A subject as it is on the server: one of a log, a signal's, or a pattern of signals. */
  subjectOf(subject: string): string;
  placeOf(subject: string): Place;
  /**
   * Where processes of an earlier version publish a subject still; undefined when they publish it where we do. The
   * audit log's lines were in the stream of all events once.
   */
  formerPlaceOf(subject: string): Place | undefined;
  /** What the server says of a log's stream; makes the stream when there is none. */
  ensure(log: Log): Promise<StreamInfo>;
}

export interface StreamsOptions {
  /** Before stream names and subjects, so that platforms and tests can share a server. */
  prefix: string;
  /** Copies of each stream in a cluster. */
  replicas: number;
}

/** What is the same on every server is said here; what an operator has set on an existing stream stays. */
export async function openStreams(
  connection: NatsConnection,
  { prefix, replicas }: StreamsOptions,
): Promise<Streams> {
  const manager = await jetstreamManager(connection, { checkAPI: false, timeout: BUS_DEADLINE_MS });
  const nameOf = (log: Log) => `${prefix}-${log}`;
  // Subjects of two streams must not overlap, so those of the audit log are not below `events` on the server.
  const subjectOf = (subject: string) =>
    subject.startsWith(AUDIT_SUBJECTS)
      ? `${prefix}.audit.${subject.slice(AUDIT_SUBJECTS.length)}`
      : `${prefix}.${subject}`;
  const placeOf = (subject: string) => {
    const log = logOf(subject);
    return { log, stream: nameOf(log), subject: subjectOf(subject) };
  };
  return {
    manager,
    nameOf,
    subjectOf,
    placeOf,
    formerPlaceOf: (subject) =>
      logOf(subject) === 'audit'
        ? { log: 'events', stream: nameOf('events'), subject: `${prefix}.${subject}` }
        : undefined,
    async ensure(log) {
      const name = nameOf(log);
      const known = await ifThere(manager.streams.info(name));
      if (known !== undefined) return known;
      // Made by two at a time it is still one stream: the same configuration twice is no error.
      return manager.streams.add({
        name,
        subjects: [`${prefix}.${log}.>`],
        num_replicas: replicas,
        ...COMMON,
        ...OF_LOG[log],
      });
    },
  };
}

/** What the server answered; undefined when there is no such stream or consumer. */
export async function ifThere<Answer>(asking: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof JetStreamApiError && MISSING.has(error.code)) return undefined;
    throw error;
  }
}

const MISSING: ReadonlySet<number> = new Set([
  JetStreamApiCodes.StreamNotFound,
  JetStreamApiCodes.ConsumerNotFound,
]);

const COMMON = {
  storage: StorageType.File,
  // Not by interest: a message would be gone before a consumer that has yet to start for the first time had seen it.
  // What all consumers have taken is removed by `bus-nats-tidy.ts`.
  retention: RetentionPolicy.Limits,
  duplicate_window: nanos(BUS_DEDUPE_MS),
  // Headers count too.
  max_msg_size: BUS_MESSAGE_BYTES_MAX + 4096,
} satisfies Partial<StreamConfig>;

const OF_LOG: Record<Log, Partial<StreamConfig>> = {
  // Full, it refuses: an outbox keeps what a log would lose.
  events: {
    max_age: nanos(EVENTS_AGE_MS),
    max_msgs: EVENTS_MAX,
    discard: DiscardPolicy.New,
  },
  // The same; and it forgets nothing by age, which nobody would notice.
  audit: {
    max_msgs: AUDIT_MAX,
    discard: DiscardPolicy.New,
  },
  // Full, it forgets: the database has it all.
  fanout: {
    max_age: nanos(FANOUT_AGE_MS),
    max_bytes: FANOUT_BYTES_MAX,
    discard: DiscardPolicy.Old,
  },
};
