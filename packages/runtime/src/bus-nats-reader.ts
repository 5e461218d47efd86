/** Reads a JetStream consumer for ever: whatever ends the reading, it is opened anew. */
import { type ConsumerMessages, JetStreamApiError, type JsMsg } from '@nats-io/jetstream';
import { errors } from '@nats-io/nats-core';
import type { Closable } from './bus.ts';
import { untilUp } from './bus-nats-start.ts';
import { BUS_COMPLETE_MS, BUS_RETRY_FIRST_MS } from './limits.ts';
import { repeat } from './repeat.ts';

export interface Reader extends Closable {
  /** Ends the reading, or the pause behind a failed opening, so that it is opened anew: there is a connection again. */
  restart(): void;
}

export interface ReaderOptions {
  /** Makes sure that stream and consumer exist, and starts to read. */
  open(): Promise<ConsumerMessages>;
  /** Takes one message; awaited before the next. Must not reject. */
  take(message: JsMsg): Promise<void>;
  onFailure(error: unknown, attempt: number): void;
}

/**
 * Starts to read. The first opening waits for a cluster that is choosing its leaders, and rejects when anything else is
 * wrong; later failures are told and tried again, whatever they are.
 */
export async function startReader({ open, take, onFailure }: ReaderOptions): Promise<Reader> {
  let messages = await untilUp(open, {
    ...{ isPassing, onFailure },
    ...{ pauseMs: BUS_RETRY_FIRST_MS, withinMs: BUS_COMPLETE_MS },
  });
  let fresh = true;
  const loop = repeat(async () => {
    if (!fresh) messages = await open();
    fresh = false;
    if (loop.closed) return messages.stop();
    // Ends with the reading itself.
    void stopOnFault(messages);
    for await (const message of messages) {
      await take(message);
      if (loop.closed) return;
    }
  }, onFailure);
  return {
    restart() {
      messages.stop();
      loop.hurry();
    },
    async close() {
      const stopped = loop.close();
      messages.stop();
      await stopped;
    },
  };
}

/**
 * What a server says, or does not, while its cluster has no leader for a stream or for all of them, or fewer servers than a
 * stream is to have copies.
 */
function isPassing(error: unknown): boolean {
  if (error instanceof JetStreamApiError)
    return error.status === 503 || error.code === NO_SUITABLE_PEERS;
  return (
    error instanceof errors.TimeoutError ||
    error instanceof errors.RequestError ||
    error instanceof errors.NoRespondersError
  );
}

/** `JSClusterNoPeersErrF` of nats-server, which comes with the status of a wrong request. */
const NO_SUITABLE_PEERS = 10_005;

/**
 * The client mends a consumer by itself, without asking whether it still reads the same stream, and takes its time.
 * So whatever it would mend ends the reading instead.
 */
async function stopOnFault(messages: ConsumerMessages): Promise<void> {
  for await (const { type } of messages.status()) {
    if (FAULTS.has(type)) messages.stop();
  }
}

const FAULTS: ReadonlySet<string> = new Set([
  'heartbeats_missed',
  'consumer_not_found',
  'stream_not_found',
  'consumer_deleted',
  'ordered_consumer_recreated',
  'reset',
  'no_responders',
]);
