/** Many who ask for the same kind of thing, answered together: what comes during one round goes into the next. */
import { ApiError } from '@sotto/api';

export interface GatheringLimits {
  /** Things in one round. */
  atOnceMax: number;
  /** Things that may wait for a round. */
  waitingMax: number;
}

interface Waiting<T, R> {
  readonly thing: T;
  resolve(result: R): void;
  reject(error: unknown): void;
}

/**
 * A way to ask for one thing, which resolves or rejects with its round. Things of a round are distinct. Rejects with
 * `service.unavailable` when too many wait.
 */
export function createGathering<T, R>(
  work: (things: readonly T[]) => Promise<R>,
  { atOnceMax, waitingMax }: GatheringLimits,
): (thing: T) => Promise<R> {
  const waiting: Waiting<T, R>[] = [];
  let isWorking = false;

  async function workOff(): Promise<void> {
    isWorking = true;
    while (waiting.length > 0) {
      const round = waiting.splice(0, atOnceMax);
      try {
        const result = await work([...new Set(round.map(({ thing }) => thing))]);
        for (const { resolve } of round) resolve(result);
      } catch (error) {
        for (const { reject } of round) reject(error);
      }
    }
    isWorking = false;
  }

  return (thing) =>
    new Promise((resolve, reject) => {
      if (waiting.length >= waitingMax) {
        reject(new ApiError('service.unavailable', { retryAfter: 1 }));
        return;
      }
      waiting.push({ thing, resolve, reject });
      if (!isWorking) void workOff();
    });
}
