/**
 * A follower of the fan-out log: each message once and in order from the moment of following, or a gap (DESIGN 2.5).
 *
 * A position is a sequence number within one life of the stream. A stream that was wiped counts from one again, so a
 * position is only believed together with the stream's creation time.
 */
import { type ConsumerMessages, DeliverPolicy, type StreamInfo } from '@nats-io/jetstream';
import type { Follower } from './bus.ts';
import { type Reader, startReader } from './bus-nats-reader.ts';
import type { Streams } from './bus-nats-streams.ts';
import { logOf } from './bus-subjects.ts';
import { BUS_FOLLOW_AHEAD_MAX, BUS_HEARTBEAT_MS, BUS_PULL_MS, FOLLOWER_IDLE_MS } from './limits.ts';
import type { Logger } from './log.ts';

interface Position {
  created: string;
  seq: number;
}

export interface Following {
  subject: string;
  follower: Follower;
  log: Logger | undefined;
}

/** Follows until closed. Restart it after a lost connection. Whatever interrupts it, it then tells of a gap. */
export async function followLog(streams: Streams, following: Following): Promise<Reader> {
  const { subject, follower, log } = following;
  let position: Position | undefined;

  function gap(): void {
    log?.warn('the log has a gap', { subject });
    follower.onGap();
  }

  return startReader({
    async open() {
      const info = await streams.ensure(logOf(subject));
      const wasReading = position !== undefined;
      // A server that lost its newest messages may since have given their numbers to others, and a consumer ends for
      // many reasons: so the old position is never gone on from.
      position = endOf(info);
      const messages = await read(streams, subject, position.seq + 1);
      if (wasReading) gap();
      return messages;
    },

    async take({ seq, data }) {
      const known = position ?? { created: '', seq: 0 };
      // A hole is another shard's message, or one that the log forgot before it was read.
      if (seq !== known.seq + 1 && (await isLost(streams, subject, known))) gap();
      position = { ...known, seq };
      try {
        await follower.onMessage(data);
      } catch (error) {
        log?.error('a follower failed', { subject, error });
        gap();
      }
    },

    onFailure: (error, attempt) =>
      log?.warn('a follower was interrupted', { subject, attempt, error }),
  });
}

function endOf({ created, state }: StreamInfo): Position {
  return { created, seq: state.last_seq };
}

/** True when messages after the position are not to be had any more, or it is a position in another life. */
function isBeyond({ created, seq }: Position, { created: now, state }: StreamInfo): boolean {
  if (created !== now || seq > state.last_seq) return true;
  return seq < state.last_seq && seq + 1 < state.first_seq;
}

/** As above, asked of the server; not to be able to ask counts as lost. */
async function isLost(streams: Streams, subject: string, position: Position): Promise<boolean> {
  try {
    return isBeyond(position, await streams.ensure(logOf(subject)));
  } catch {
    return true;
  }
}

async function read(streams: Streams, subject: string, from: number): Promise<ConsumerMessages> {
  const consumer = await streams.manager
    .jetstream()
    .consumers.get(streams.placeOf(subject).stream, {
      filter_subjects: streams.subjectOf(subject),
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: from,
      inactive_threshold: FOLLOWER_IDLE_MS,
    });
  return consumer.consume({
    max_messages: BUS_FOLLOW_AHEAD_MAX,
    expires: BUS_PULL_MS,
    idle_heartbeat: BUS_HEARTBEAT_MS,
    abort_on_missing_resource: true,
  });
}
