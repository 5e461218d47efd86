/** What happens in this service, counted and logged in one place. Nothing here names a person or a conversation. */
import type { ProblemCode } from '@sotto/api';
import { type Logger, type Metrics, toApiError } from '@sotto/runtime';
import type { CommitFailure } from './commit-line.ts';

export interface Events {
  /** A transaction wrote this many messages. */
  committed(messages: number): void;
  /** A message is on disk and with the sockets of this node, so long after it came. */
  delivered(durationMs: number): void;
  /** What another node committed is with the sockets of this one, so long after it was. */
  fannedIn(lagMs: number): void;
  /** A batch is done, however many transactions it took. */
  batchEnded(messages: number, durationMs: number): void;
  commitFailed(failure: CommitFailure, error: unknown): void;
  /** A fault of our own on the way of a batch to the disk; its senders are told to try again. */
  batchFailed(error: unknown): void;
  tookSlowWay(): void;
  /** The audience of a conversation could not be had. */
  checkFailed(error: unknown): void;
  /** The owners of accounts and device lists could not be asked for a device that connects. */
  meetingFailed(error: unknown): void;
  /** What is left of a device that was retired could not be removed here. */
  retirementFailed(error: unknown): void;
  refused(code: ProblemCode): void;
  publishFailed(error: unknown): void;
  outboxFailed(error: unknown): void;
  /** This node's sockets look for what they may have missed. */
  rechecked(): void;
  socketOpened(): void;
  socketClosed(code: number): void;
  readFailed(error: unknown): void;
  /** Who is here cannot be written or read; it is tried again. */
  presenceFailed(error: unknown): void;
  /** A signal of a user is lost, since it cannot be found out who may hear it. */
  signalFailed(error: unknown): void;
  /** A fault of our own in what a socket set going; it is closed. */
  socketFailed(error: unknown): void;
  /** A push service was asked to wake a device. */
  pushed(outcome: PushOutcome, status: number | undefined): void;
  /** Wake-ups could not be looked up or noted; those that are due stay so. */
  pushFailed(error: unknown): void;
}

/** `refused` is our fault or the configuration's, `forbidden` a host or an address that is not to be called. */
export type PushOutcome = 'woken' | 'gone' | 'failed' | 'refused' | 'forbidden';

/** Counts in `metrics`, logs to `log`. */
export function createEvents(metrics: Metrics, log: Logger): Events {
  const stored = metrics.counter('messages_stored_total', 'Messages committed');
  const batches = metrics.histogram('message_batch_seconds', 'Time of one batch to disk');
  const sizes = metrics.histogram('message_batch_size', 'Messages in one batch', {
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
  });
  const deliveries = metrics.histogram(
    'message_delivery_seconds',
    'From the arrival of a message until it is on disk and with the sockets of this node',
  );
  const lag = metrics.histogram(
    'fanout_lag_seconds',
    'From the commit of a batch on another node until the sockets of this node have it, by two clocks',
  );
  const failures = metrics.counter('message_commit_failures_total', 'Failed commits', ['failure']);
  const slow = metrics.counter('message_slow_commits_total', 'Commits that looked ids up first');
  const refusals = metrics.counter('message_refused_total', 'Messages refused', ['code']);
  const publications = metrics.counter('fanout_failures_total', 'Batches left to the sweeper');
  const rechecks = metrics.counter('fanout_rechecks_total', 'Times that all sockets caught up');
  const sockets = metrics.gauge('message_sockets', 'Open sockets');
  const closed = metrics.counter('message_sockets_closed_total', 'Sockets closed', ['code']);
  const pushes = metrics.counter('push_wakeups_total', 'Wake-ups asked for', ['outcome']);
  return {
    committed: (messages) => stored.inc(messages),
    delivered: (durationMs) => deliveries.observe(durationMs / 1000),
    // Clocks differ: what seems to come before it was sent came at once.
    fannedIn: (lagMs) => lag.observe(Math.max(0, lagMs) / 1000),
    batchEnded(messages, durationMs) {
      batches.observe(durationMs / 1000);
      sizes.observe(messages);
    },
    commitFailed(failure, error) {
      failures.inc({ failure });
      if (failure === 'bad') log.error('a batch cannot be written', { error });
      else if (failure === 'unpartitioned') log.warn('a week has no partition', { error });
      else if (failure === 'lost') log.warn('a commit was lost', { error });
    },
    batchFailed: (error) => log.error('a batch failed', { error }),
    tookSlowWay: () => slow.inc(),
    checkFailed: (error) => log.warn('a conversation cannot be read', { error }),
    meetingFailed: (error) => log.warn('a device that connects cannot be looked up', { error }),
    retirementFailed: (error) => log.warn('a retired device cannot be forgotten', { error }),
    refused: (code) => refusals.inc({ code }),
    publishFailed(error) {
      publications.inc();
      log.warn('the fan-out is left to the sweeper', { error });
    },
    outboxFailed(error) {
      const isOurs = toApiError(error).code === 'internal';
      log[isOurs ? 'error' : 'warn']('the outbox cannot be worked off', { error });
    },
    rechecked: () => rechecks.inc(),
    socketOpened: () => sockets.inc(),
    socketClosed(code) {
      sockets.dec();
      closed.inc({ code: knownCode(code) });
    },
    presenceFailed: (error) => log.warn('presence cannot be kept', { error }),
    signalFailed: (error) => log.warn('a signal is lost', { error }),
    readFailed: (error) => log.warn('a socket cannot be caught up', { error }),
    socketFailed: (error) => log.error('a socket failed', { error }),
    pushed(outcome, status = 0) {
      pushes.inc({ outcome });
      if (outcome === 'refused') log.warn('a push service refuses what it is asked', { status });
      if (outcome === 'forbidden') log.warn('a push service is not to be called');
    },
    pushFailed: (error) => log.warn('devices cannot be woken by push', { error }),
  };
}

/** Close codes come from the other side too: a label for each would be theirs to choose. */
function knownCode(code: number): string {
  return (code >= 1000 && code <= 1015) || (code >= 4001 && code <= 4005) ? String(code) : 'other';
}
