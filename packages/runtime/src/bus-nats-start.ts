/** What is done at a start, and waits for servers that are not up yet. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface StartOptions {
  /** Whether waiting may help. */
  isPassing(error: unknown): boolean;
  onFailure(error: unknown, attempt: number): void;
  pauseMs: number;
  /** No attempt begins later than this, in milliseconds. */
  withinMs: number;
}

/** The outcome of the first attempt that succeeds. Rejects with what does not pass, or has not in time. */
export async function untilUp<T>(
  work: () => Promise<T>,
  { isPassing, onFailure, pauseMs, withinMs }: StartOptions,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error) || Date.now() > deadline) throw error;
      onFailure(error, attempt);
      await sleep(pauseMs);
    }
  }
}
