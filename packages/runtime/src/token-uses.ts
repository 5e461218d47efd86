/**
 * Which access tokens were used here, for the auth service to know.
 *
 * A refresh token stays good until its successor, or an access token that came with that, is first used (DESIGN 5): from
 * then on its owner has the answer. Auth itself sees few of those uses, so each service tells it, once a second at most.
 * Nobody waits for that. What is lost with a process is seen again at the token's next use elsewhere, or by the use of
 * the successor at the latest.
 */
import type { SessionId } from '@sotto/api';
import { noteTokenUses } from '@sotto/api/internal';
import { TOKEN_USES_AT_ONCE, TOKEN_USES_MAX, TOKEN_USES_MS } from './limits.ts';
import type { Logger } from './log.ts';
import type { Metrics } from './metrics.ts';
import { callPeer } from './peer.ts';
import type { Clock, Fetch } from './service.ts';

/** One token of a session: all that came with the same refresh token count as one. */
export interface TokenUse {
  session: SessionId;
  /** Of the refresh token that it came with; the log-in's is 0. */
  generation: number;
}

export interface TokenUses {
  /** Notes a use, to be told soon. Beyond the bound it is dropped, and counted as such. */
  note(use: TokenUse): void;
  close(): void;
}

export interface TokenUsesOptions {
  auth: Fetch;
  internalSecret: string;
  clock: Clock;
  metrics: Metrics;
  log: Logger;
}

/** Tells the auth service, again and again until it has heard. Close it. */
export function createTokenUses(options: TokenUsesOptions): TokenUses {
  const { auth, internalSecret, clock, metrics, log } = options;
  const dropped = metrics.counter(
    'token_uses_dropped_total',
    'Uses of access tokens that the auth service was not told of',
  );
  const waiting = new Map<string, TokenUse & { at: number }>();
  let timer: NodeJS.Timeout | undefined;
  let failing = false;
  let closed = false;

  async function tell(): Promise<void> {
    const batch = waiting.entries().take(TOKEN_USES_AT_ONCE).toArray();
    const now = clock();
    const uses = batch.map(([, { at, ...use }]) => ({ ...use, ageMs: Math.max(0, now - at) }));
    try {
      await callPeer(auth, noteTokenUses, { body: { uses } }, internalSecret);
      for (const [name] of batch) waiting.delete(name);
      failing = false;
    } catch (error) {
      if (!failing) log.warn('uses of access tokens cannot be told', { error });
      failing = true;
    }
    timer = undefined;
    if (waiting.size > 0) tellSoon();
  }

  function tellSoon(): void {
    if (closed) return;
    timer ??= setTimeout(() => void tell(), TOKEN_USES_MS);
  }

  return {
    note({ session, generation }) {
      const name = `${session} ${generation}`;
      // The log-in's token has no predecessor that its use could end.
      if (generation === 0 || waiting.has(name)) return;
      if (waiting.size >= TOKEN_USES_MAX) {
        dropped.inc();
        return;
      }
      waiting.set(name, { session, generation, at: clock() });
      tellSoon();
    },
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
