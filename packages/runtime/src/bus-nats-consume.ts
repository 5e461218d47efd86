/** A durable consumer: one message at a time, in order, again until its handler resolves. */
import { AckPolicy, type ConsumerMessages, DeliverPolicy, type JsMsg } from '@nats-io/jetstream';
import { nanos } from '@nats-io/nats-core';
import type { BusHandler } from './bus.ts';
import { type Reader, startReader } from './bus-nats-reader.ts';
import type { Streams } from './bus-nats-streams.ts';
import {
  BUS_ACK_WAIT_MS,
  BUS_HEARTBEAT_MS,
  BUS_PULL_MS,
  BUS_RETRY_FIRST_MS,
  BUS_RETRY_MAX_MS,
} from './limits.ts';
import type { Logger } from './log.ts';

export interface Consumption {
  /** The group's name. */
  name: string;
  subject: string;
  handler: BusHandler;
  log: Logger | undefined;
}

/** Consumes until closed. Stream and consumer are made anew when they were wiped. */
export function consumeDurably(streams: Streams, consumption: Consumption): Promise<Reader> {
  const { name, subject, log } = consumption;
  return startReader({
    open: () => open(streams, consumption),
    take: (message) => handle(message, consumption),
    onFailure: (error, attempt) =>
      log?.warn('a consumer was interrupted', { name, subject, attempt, error }),
  });
}

async function open(streams: Streams, { name, subject }: Consumption): Promise<ConsumerMessages> {
  await streams.ensure(subject);
  const stream = streams.nameOf(subject);
  const durable = `${name}-${subject}`.replaceAll('.', '-');
  await streams.manager.consumers.add(stream, {
    durable_name: durable,
    filter_subject: streams.subjectOf(subject),
    deliver_policy: DeliverPolicy.All,
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(BUS_ACK_WAIT_MS),
    max_deliver: -1,
    // Order: the next message is not given out before this one is done, to whichever process.
    max_ack_pending: 1,
  });
  const consumer = await streams.manager.jetstream().consumers.get(stream, durable);
  return consumer.consume({
    max_messages: 2,
    expires: BUS_PULL_MS,
    idle_heartbeat: BUS_HEARTBEAT_MS,
    abort_on_missing_resource: true,
  });
}

async function handle(message: JsMsg, consumption: Consumption): Promise<void> {
  const { name, subject, handler, log } = consumption;
  // A slow handler is not a dead one.
  const working = setInterval(() => message.working(), BUS_ACK_WAIT_MS / 3);
  try {
    await handler(message.data, subject);
    message.ack();
  } catch (error) {
    const attempt = message.info.deliveryCount;
    log?.warn('a consumer failed', { name, subject, attempt, error });
    message.nak(Math.min(BUS_RETRY_MAX_MS, BUS_RETRY_FIRST_MS * 2 ** (attempt - 1)));
  } finally {
    clearInterval(working);
  }
}
