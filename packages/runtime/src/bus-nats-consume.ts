/** A durable consumer: one message at a time, in order, again until its handler resolves. */
import {
  AckPolicy,
  type ConsumerConfig,
  type ConsumerMessages,
  DeliverPolicy,
  type JsMsg,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/nats-core';
import type { BusHandler } from './bus.ts';
import { type Reader, startReader } from './bus-nats-reader.ts';
import { ifThere, type Place, type Streams } from './bus-nats-streams.ts';
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

/** The name that a group's consumer of a subject has on the server. */
export function durableName(name: string, subject: string): string {
  return `${name}-${subject}`.replaceAll('.', '-');
}

/**
 * Consumes until closed. Stream and consumer are made anew when they were wiped. Where the group has consumed the
 * subject at another place, it does so there as well, side by side: messages may wait there, and processes of an earlier
 * version may publish there still.
 */
export async function consumeDurably(streams: Streams, consumption: Consumption): Promise<Reader> {
  const { name, subject } = consumption;
  const reader = await readFrom(streams, streams.placeOf(subject), consumption);
  const former = streams.formerPlaceOf(subject);
  if (former === undefined) return reader;
  const info = streams.manager.consumers.info(former.stream, durableName(name, subject));
  if ((await ifThere(info)) === undefined) return reader;
  return both(reader, await readFrom(streams, former, consumption));
}

function readFrom(streams: Streams, place: Place, consumption: Consumption): Promise<Reader> {
  const { name, subject, log } = consumption;
  let isMade = false;
  return startReader({
    open() {
      const opened = open(streams, place, { ...consumption, isMade });
      isMade = true;
      return opened;
    },
    take: (message) => handle(message, consumption),
    onFailure: (error, attempt) =>
      log?.warn('a consumer was interrupted', { name, subject, attempt, error }),
  });
}

function both(...readers: readonly Reader[]): Reader {
  return {
    restart() {
      for (const reader of readers) reader.restart();
    },
    async close() {
      await Promise.all(readers.map((reader) => reader.close()));
    },
  };
}

/**
 * What is there already is written again only when it was read before and that has ended: it takes the leader of the whole
 * cluster and the disks of most servers, and brings a consumer back that a server has lost.
 */
async function open(
  streams: Streams,
  { log, stream, subject: filter }: Place,
  { name, subject, isMade }: Consumption & { readonly isMade: boolean },
): Promise<ConsumerMessages> {
  await streams.ensure(log);
  const { manager } = streams;
  const wanted = {
    durable_name: durableName(name, subject),
    filter_subject: filter,
    deliver_policy: DeliverPolicy.All,
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(BUS_ACK_WAIT_MS),
    max_deliver: -1,
    // Order: the next message is not given out before this one is done, to whichever process.
    max_ack_pending: 1,
  } satisfies Partial<ConsumerConfig>;
  const known = isMade
    ? undefined
    : await ifThere(manager.consumers.info(stream, wanted.durable_name));
  const info =
    known !== undefined && isLike(known.config, wanted)
      ? known
      : await manager.consumers.add(stream, wanted);
  const consumer = manager.jetstream().consumers.getConsumerFromInfo(info);
  return consumer.consume({
    max_messages: 2,
    expires: BUS_PULL_MS,
    idle_heartbeat: BUS_HEARTBEAT_MS,
    abort_on_missing_resource: true,
  });
}

function isLike(config: ConsumerConfig, wanted: Partial<ConsumerConfig>): boolean {
  const names = Object.keys(wanted) as (keyof ConsumerConfig)[];
  return names.every((name) => config[name] === wanted[name]);
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
