/** Many who ask for the same kind of thing, answered together: what comes during one round goes into the next. */
import { ApiError } from '@sotto/api';

export interface GatheringLimits {
  /** Things in one round. */
  atOnceMax: number;
  /** Things that may wait for a round. */
  waitingMax: number;
}

interface Waiting<R> {
  resolve(result: R): void;
  reject(error: unknown): void;
}

/**
 * A way to ask for one thing, which resolves or rejects with its round, a round that began after it was asked for. Things
 * of a round are distinct. Rejects with `service.unavailable` when too many wait.
 */
export function createGathering<T, R>(
  work: (things: readonly T[]) => Promise<R>,
  { atOnceMax, waitingMax }: GatheringLimits,
): (thing: T) => Promise<R> {
  const waiting = new Map<T, Waiting<R>[]>();
  let isWorking = false;

  async function workOff(): Promise<void> {
    while (waiting.size > 0) {
      const round = [...waiting].slice(0, atOnceMax);
      for (const [thing] of round) waiting.delete(thing);
      const asking = round.flatMap(([, askers]) => askers);
      try {
        const result = await work(round.map(([thing]) => thing));
        for (const { resolve } of asking) resolve(result);
      } catch (error) {
        for (const { reject } of asking) reject(error);
      }
    }
    isWorking = false;
  }

  return (thing) =>
    new Promise((resolve, reject) => {
      const others = waiting.get(thing);
      if (others === undefined && waiting.size >= waitingMax) {
        reject(new ApiError('service.unavailable', { retryAfter: 1 }));
        return;
      }
      if (others === undefined) waiting.set(thing, [{ resolve, reject }]);
      else others.push({ resolve, reject });
      if (isWorking) return;
      isWorking = true;
      // Behind this turn, so that those who ask together are answered together.
      queueMicrotask(() => void workOff());
    });
}
