/** What is done at a start, and waits for servers that are not up yet. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BUS_START_MS } from './limits.ts';

export interface StartOptions {
  /** Whether waiting may help. */
  isPassing(error: unknown): boolean;
  onFailure(error: unknown, attempt: number): void;
  pauseMs: number;
}

/** The outcome of the first attempt that succeeds. Rejects with what does not pass, or has not in time. */
export async function untilUp<T>(
  work: () => Promise<T>,
  { isPassing, onFailure, pauseMs }: StartOptions,
): Promise<T> {
  const deadline = Date.now() + BUS_START_MS;
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
