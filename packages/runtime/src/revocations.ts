/**
 * Sessions that ended before their tokens did.
 *
 * Each process asks the auth service every two seconds and keeps what it hears for as long as an access token can
 * live. Events on the bus only shorten the wait, so a dead bus keeps no revoked session alive.
 */
import { ApiError, type SessionId } from '@sotto/api';
import { listRevocations, type SessionRevoked } from '@sotto/api/internal';
import { ACCESS_TOKEN_MS, REVOCATIONS_OVERLAP_MS, REVOCATIONS_POLL_MS } from './limits.ts';
import type { Logger } from './log.ts';
import { callPeer } from './peer.ts';
import type { Clock, Fetch } from './service.ts';

export interface Revocations {
  /** True for a revoked session. Throws as `assertHeard` does. */
  has(session: SessionId): boolean;
  /** Throws `service.unavailable` until revocations were heard once: nobody can be let in before. */
  assertHeard(): void;
  /** Calls the listener once for each session that is revoked from now on; returns how to stop that. */
  onRevoked(listener: (session: SessionId) => void): () => void;
  /** Takes one in before the next poll would bring it. */
  add(revocation: SessionRevoked): void;
  /** Starts to ask. Resolves after the first answer or the first failure, which is logged; asking goes on either way. */
  start(): Promise<void>;
  close(): void;
}

export interface RevocationsOptions {
  auth: Fetch;
  internalSecret: string;
  clock: Clock;
  log: Logger;
}

/** Revocations as the auth service tells them. Close it, or it asks for ever. */
export function createRevocations(options: RevocationsOptions): Revocations {
  const { auth, internalSecret, clock, log } = options;
  const endedAt = new Map<SessionId, number>();
  const listeners = new Set<(session: SessionId) => void>();
  let heardAt: number | undefined;
  let failing = false;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  function add({ session, at }: SessionRevoked): void {
    if (endedAt.has(session)) return;
    endedAt.set(session, Date.parse(at));
    for (const listener of listeners) listener(session);
  }

  function forgetOld(): void {
    // Twice the life of a token: the clocks of two processes need not agree.
    const horizon = clock() - 2 * ACCESS_TOKEN_MS;
    for (const [session, at] of endedAt) if (at < horizon) endedAt.delete(session);
  }

  function assertHeard(): void {
    if (heardAt === undefined) throw new ApiError('service.unavailable', { retryAfter: 1 });
  }

  async function poll(): Promise<void> {
    const since =
      heardAt === undefined ? undefined : new Date(heardAt - REVOCATIONS_OVERLAP_MS).toISOString();
    try {
      const answer = await callPeer(auth, listRevocations, { query: { since } }, internalSecret);
      if (closed) return;
      for (const revocation of answer.revocations) add(revocation);
      heardAt = Date.parse(answer.now);
      forgetOld();
      if (failing) log.info('revocations are heard again');
      failing = false;
    } catch (error) {
      if (!failing) log.warn('revocations cannot be heard', { error });
      failing = true;
    }
  }

  async function pollForEver(): Promise<void> {
    await poll();
    if (closed) return;
    timer = setTimeout(() => void pollForEver(), REVOCATIONS_POLL_MS);
  }

  return {
    has(session) {
      assertHeard();
      return endedAt.has(session);
    },
    assertHeard,
    onRevoked(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    add,
    start: pollForEver,
    close() {
      closed = true;
      clearTimeout(timer);
      listeners.clear();
    },
  };
}
