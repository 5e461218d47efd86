/** The two JetStream streams of a platform, made by whoever needs them first. */
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
import { type Log, logOf } from './bus-subjects.ts';
import {
  BUS_DEADLINE_MS,
  BUS_DEDUPE_MS,
  BUS_MESSAGE_BYTES_MAX,
  EVENTS_AGE_MS,
  EVENTS_MAX,
  FANOUT_AGE_MS,
  FANOUT_BYTES_MAX,
} from './limits.ts';

export interface Streams {
  /** JetStream's own management calls. */
  readonly manager: JetStreamManager;
  /** The name of the stream that keeps a subject. */
  nameOf(subject: string): string;
  /** A subject as it is on the server. */
  subjectOf(subject: string): string;
  /** What the server says of the stream that keeps a subject; makes the stream when there is none. */
  ensure(subject: string): Promise<StreamInfo>;
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
  const nameOf = (subject: string) => `${prefix}-${logOf(subject)}`;
  return {
    manager,
    nameOf,
    subjectOf: (subject) => `${prefix}.${subject}`,
    async ensure(subject) {
      const name = nameOf(subject);
      try {
        return await manager.streams.info(name);
      } catch (error) {
        if (!isNoStream(error)) throw error;
      }
      const log = logOf(subject);
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

function isNoStream(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound;
}

const COMMON = {
  storage: StorageType.File,
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
  // Full, it forgets: the database has it all.
  fanout: {
    max_age: nanos(FANOUT_AGE_MS),
    max_bytes: FANOUT_BYTES_MAX,
    discard: DiscardPolicy.Old,
  },
};
