/** Reads a JetStream consumer for ever: whatever ends the reading, it is opened anew. */
import type { ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import type { Closable } from './bus.ts';
import { repeat } from './repeat.ts';

export interface Reader extends Closable {
  /** Ends the reading so that it is opened anew, as after a lost connection. */
  restart(): void;
}

export interface ReaderOptions {
  /** Makes sure that stream and consumer exist, and starts to read. */
  open(): Promise<ConsumerMessages>;
  /** Takes one message; awaited before the next. Must not reject. */
  take(message: JsMsg): Promise<void>;
  onFailure(error: unknown, attempt: number): void;
}

/** Starts to read. Rejects when the first opening does; later failures are told and tried again. */
export async function startReader({ open, take, onFailure }: ReaderOptions): Promise<Reader> {
  let messages = await open();
  let fresh = true;
  const loop = repeat(async () => {
    if (!fresh) messages = await open();
    fresh = false;
    // Ends with the reading itself.
    void stopOnFault(messages);
    for await (const message of messages) {
      await take(message);
      if (loop.closed) return;
    }
  }, onFailure);
  return {
    restart: () => messages.stop(),
    async close() {
      const stopped = loop.close();
      messages.stop();
      await stopped;
    },
  };
}

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
