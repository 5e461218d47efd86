/**
 * How often anything may be asked for from one address.
 *
 * The budget is one for all gateways, in Redis. To ask there for each request would cost more than passing it on, so
 * points are taken a few at a time: a hundredth of the budget, and one by one when it has fewer than two hundred.
 */
import { ApiError } from '@sotto/api';
import { type Clock, type Limiter, type Limiters, limiterKey } from '@sotto/runtime';
import { LEASES_MAX, REFUSAL_MS } from './limits.ts';

export interface SourceLimit {
  /** Takes one request of an address. Undefined when it may pass at once; else a promise, which rejects with `rate.limited`. */
  take(address: string): Promise<void> | undefined;
}

/** What is in hand for one address. */
interface Lease {
  points: number;
  until: number;
  /** More is being asked for. */
  asking?: Promise<void> | undefined;
  /** The last answer, when it was no. */
  refusal?: ApiError | undefined;
}

const WINDOW_MS = 60_000;

/** Goes on by itself, in each gateway, while Redis is gone: it protects the services, not a secret. */
export function createSourceLimit(
  { limiter }: Limiters,
  perMinute: number,
  clock: Clock = Date.now,
): SourceLimit {
  const budget = limiter('source', { points: perMinute, windowMs: WINDOW_MS, whenGone: 'open' });
  const share = Math.max(1, Math.floor(perMinute / 100));
  const leases = new Map<string, Lease>();
  return {
    take(address) {
      const key = limiterKey(address);
      const lease = leases.get(key) ?? remember(leases, key);
      return spend(lease, clock())
        ? undefined
        : wait(lease, () => ask(budget, { key, share, lease, clock }), clock);
    },
  };
}

/** The longest in hand goes first: what is left of it is lost, a hundredth of a budget at most. */
function remember(leases: Map<string, Lease>, key: string): Lease {
  if (leases.size >= LEASES_MAX) {
    const [oldest = ''] = leases.keys();
    leases.delete(oldest);
  }
  const lease: Lease = { points: 0, until: 0 };
  leases.set(key, lease);
  return lease;
}

/** Takes a point if one is in hand. Throws while the last refusal is fresh: who hammers costs nobody else anything. */
function spend(lease: Lease, now: number): boolean {
  if (lease.until <= now) {
    lease.points = 0;
    lease.refusal = undefined;
    return false;
  }
  if (lease.refusal !== undefined) throw lease.refusal;
  if (lease.points === 0) return false;
  lease.points -= 1;
  return true;
}

/** Requests that come together share one question, and ask again when its answer did not last for all. */
async function wait(lease: Lease, more: () => Promise<void>, clock: Clock): Promise<void> {
  do {
    lease.asking ??= more().finally(() => {
      lease.asking = undefined;
    });
    await lease.asking;
  } while (!spend(lease, clock()));
}

interface Question {
  key: string;
  share: number;
  lease: Lease;
  clock: Clock;
}

async function ask(budget: Limiter, { key, share, lease, clock }: Question): Promise<void> {
  try {
    const { resetMs } = await budget.take(key, share);
    lease.points = share;
    lease.until = clock() + Math.max(1, resetMs);
  } catch (error) {
    if (error instanceof ApiError && error.code === 'rate.limited') {
      lease.refusal = error;
      lease.until = clock() + REFUSAL_MS;
    }
    throw error;
  }
}
