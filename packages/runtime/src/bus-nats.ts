/** The bus on NATS: JetStream for the three logs, core NATS for signals. Written to nats-server 2.9. */
import { type JetStreamClient, jetstream } from '@nats-io/jetstream';
import { errors, type Msg, type NatsConnection } from '@nats-io/nats-core';
import { connect, type NodeConnectionOptions } from '@nats-io/transport-node';
import type { Bus, Closable, LogLevel } from './bus.ts';
import { hearSafely } from './bus-listener.ts';
import { consumeDurably } from './bus-nats-consume.ts';
import { followLog } from './bus-nats-follow.ts';
import type { Reader } from './bus-nats-reader.ts';
import { untilUp } from './bus-nats-start.ts';
import { ifThere, openStreams, type Streams } from './bus-nats-streams.ts';
import { type Groups, startTidying } from './bus-nats-tidy.ts';
import { assertPublishable, logOf } from './bus-subjects.ts';
import { withDeadline } from './deadline.ts';
import { EVENT_GROUPS } from './event-groups.ts';
import {
  BUS_DEADLINE_MS,
  BUS_PING_DEADLINE_MS,
  BUS_PING_MS,
  BUS_START_MS,
  BUS_TIDY_MS,
} from './limits.ts';
import type { Logger } from './log.ts';
import { misconfigured, UnavailableError } from './start-faults.ts';
import { unavailable } from './unavailable.ts';

export interface NatsBusOptions {
  /** `nats://user:password@host:4222`, or `tls://…`. */
  url: string;
  /** A PEM file with the certificates to believe; a server without TLS is refused then. */
  ca?: string | undefined;
  /** Before stream names and subjects, so that platforms and tests can share a server. */
  prefix?: string;
  /** Copies of each stream that is made: 3 in a cluster. */
  replicas?: number | undefined;
  /** Who must have taken what before it leaves its log; the platform's own groups when left out. */
  groups?: Groups;
  /** How often what all have taken is removed. */
  tidyMs?: number;
  log?: Logger;
}

/**
 * Connects; waits up to 30 s for a server that is not up yet, then rejects. Once connected it reconnects for ever:
 * meanwhile `publish` rejects at once with `service.unavailable`, and signals are dropped. Close it.
 */
export async function openNatsBus(options: NatsBusOptions): Promise<Bus> {
  const { prefix = 'sotto', replicas = 1, groups = EVENT_GROUPS, log } = options;
  const connection = await connectFirst(connectionOptions(options), log);
  const streams = await openStreams(connection, { prefix, replicas });
  const client = jetstream(connection, { timeout: BUS_DEADLINE_MS });
  const readers = new Set<Reader>();
  const state = watch(connection, readers, log);
  const tidying = startTidying(streams, { groups, everyMs: options.tidyMs ?? BUS_TIDY_MS, log });

  function keep(reader: Reader): Closable {
    readers.add(reader);
    return {
      async close() {
        readers.delete(reader);
        await reader.close();
      },
    };
  }

  return {
    async publish(subject, data, id) {
      assertPublishable(subject, data);
      if (!state.connected) throw unavailable(new Error('the bus is not connected'));
      await publishOnce({ client, streams }, { subject, data, id });
    },
    async consume(name, subject, handler) {
      return keep(await consumeDurably(streams, { name, subject, handler, log }));
    },
    async follow(subject, follower) {
      return keep(await followLog(streams, { subject, follower, log }));
    },
    signal(subject, data) {
      // The client would hold them until it is connected again, when they are no longer true.
      if (!state.connected) return;
      try {
        connection.publish(streams.subjectOf(subject), data);
      } catch (error) {
        // Larger than the server takes, or the connection is being closed: lost, as any signal may be.
        log?.warn('a signal was not sent', { subject, error });
      }
    },
    async listen(pattern, handler) {
      const hear = ({ data, subject }: Msg): void =>
        hearSafely(() => handler(data, subject.slice(prefix.length + 1)), pattern, log);
      const subscription = connection.subscribe(streams.subjectOf(pattern), {
        callback(error, message) {
          if (error !== null) log?.error('a listener failed', { subject: pattern, error });
          else hear(message);
        },
      });
      // What is signalled after this is heard: the server knows of the subscription.
      await connection.flush();
      return { close: async () => subscription.unsubscribe() };
    },
    async levels() {
      const levels = [levelOf(streams, 'events'), levelOf(streams, 'audit')];
      return (await Promise.all(levels)).filter((level) => level !== undefined);
    },
    ping: () => ping(connection, state),
    async close() {
      await tidying.close();
      await Promise.all([...readers].map((reader) => reader.close()));
      await drain(connection, state);
    },
  };
}

function connectionOptions({ url, ca }: NatsBusOptions): NodeConnectionOptions {
  const { protocol, host, hostname, username, password } = new URL(url);
  // What the certificate must name: the client says it by itself for names alone, not for addresses.
  const tls = { host: hostname.replace(/^\[|\]$/g, ''), ...(ca !== undefined && { caFile: ca }) };
  return {
    servers: host,
    ...(username !== '' && { user: decodeURIComponent(username) }),
    ...(password !== '' && { pass: decodeURIComponent(password) }),
    ...((protocol === 'tls:' || ca !== undefined) && { tls }),
    name: 'sotto',
    timeout: BUS_DEADLINE_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    pingInterval: BUS_PING_MS,
    maxPingOut: 2,
  };
}

function connectFirst(
  options: NodeConnectionOptions,
  log: Logger | undefined,
): Promise<NatsConnection> {
  return untilUp(() => connect(options), {
    isPassing: (error) => !isHopeless(error),
    onFailure(error, attempt) {
      if (attempt === 1) log?.warn('waiting for the bus', { error });
    },
    pauseMs: 500,
    withinMs: BUS_START_MS,
  }).catch((error: unknown) => {
    throw isHopeless(error)
      ? misconfigured('nats.url', 'NATS_URL or NATS_CA', 'NATS refuses us, or we its certificate')
      : new UnavailableError('NATS does not answer: see NATS_URL', { cause: error });
  });
}

/** A password that is wrong and a certificate that is not believed do not get better by waiting. */
function isHopeless(error: unknown): boolean {
  if (error instanceof errors.AuthorizationError) return true;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^(ERR_TLS_CERT|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_)/.test(code);
}

interface ConnectionState {
  connected: boolean;
}

/** Knows whether there is a connection, and restarts what reads when there is a new one. */
function watch(
  connection: NatsConnection,
  readers: ReadonlySet<Reader>,
  log: Logger | undefined,
): ConnectionState {
  const state: ConnectionState = { connected: true };
  const watching = async (): Promise<void> => {
    for await (const { type } of connection.status()) {
      if (type === 'disconnect') {
        state.connected = false;
        log?.warn('the bus is out of reach');
      } else if (type === 'reconnect') {
        state.connected = true;
        log?.info('the bus is back');
        for (const reader of readers) reader.restart();
      }
    }
    state.connected = false;
  };
  // Ends with the connection.
  void watching();
  return state;
}

interface Publisher {
  client: JetStreamClient;
  streams: Streams;
}

interface Publication {
  subject: string;
  data: Uint8Array;
  id: string;
}

async function publishOnce(
  { client, streams }: Publisher,
  publication: Publication,
): Promise<void> {
  const { subject, data, id } = publication;
  const name = streams.subjectOf(subject);
  const options = { msgID: id, timeout: BUS_DEADLINE_MS };
  try {
    try {
      await client.publish(name, data, options);
    } catch (error) {
      // Nobody answers for the subject: the stream is not made yet, or was wiped.
      if (!isUnheard(error)) throw error;
      await streams.ensure(logOf(subject));
      await client.publish(name, data, options);
    }
  } catch (error) {
    throw unavailable(error);
  }
}

function isUnheard(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof errors.RequestError && cause.isNoResponders();
}

/** By the bound that the stream has, which an operator may have set; undefined when there is no stream yet. */
async function levelOf(streams: Streams, log: LogLevel['log']): Promise<LogLevel | undefined> {
  const info = await ifThere(streams.manager.streams.info(streams.nameOf(log)));
  if (info === undefined) return undefined;
  // Without a bound it is -1.
  const max = info.config.max_msgs > 0 ? info.config.max_msgs : Number.POSITIVE_INFINITY;
  return { log, messages: info.state.messages, max };
}

async function ping(connection: NatsConnection, { connected }: ConnectionState): Promise<void> {
  try {
    if (!connected) throw new Error('the bus is not connected');
    await withDeadline(connection.flush(), BUS_PING_DEADLINE_MS);
  } catch (error) {
    throw unavailable(error);
  }
}

/** What was sent is to reach the server; with no connection there is nobody to wait for. */
async function drain(connection: NatsConnection, { connected }: ConnectionState): Promise<void> {
  if (connection.isClosed()) return;
  if (connected) await connection.drain();
  else await connection.close();
}
