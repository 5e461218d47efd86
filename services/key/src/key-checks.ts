/** Checks of uploaded keys, away from the event loop: 100 prekeys take about 0.1 s of one core. */
import { Worker } from 'node:worker_threads';
import { ApiError } from '@sotto/api';
import type { KeyCheck, KeyFault } from './key-check.ts';
import type { CheckAnswer, CheckQuestion } from './key-check-worker.ts';
import { CHECKS_WAITING_MAX } from './limits.ts';

export interface KeyChecks {
  /** The first fault, or undefined. Rejects with `service.unavailable` when too many uploads wait. */
  find(check: KeyCheck): Promise<KeyFault | undefined>;
  /** Ends the thread. What waits is rejected. */
  close(): Promise<void>;
}

interface Waiting {
  resolve(fault: KeyFault | undefined): void;
  reject(error: unknown): void;
}

/** One thread, started with the first check, and again should it die. */
export function createKeyChecks(): KeyChecks {
  const waiting = new Map<number, Waiting>();
  let worker: Worker | undefined;
  let nextId = 0;

  function fail(error: unknown): void {
    worker = undefined;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  }

  function start(): Worker {
    const started = new Worker(new URL('./key-check-worker.ts', import.meta.url));
    // A thread alone keeps no process alive; whoever waits for an answer holds a request open.
    started.unref();
    started.on('message', ({ id, fault }: CheckAnswer) => {
      waiting.get(id)?.resolve(fault);
      waiting.delete(id);
    });
    started.on('error', fail);
    return started;
  }

  return {
    find(check) {
      if (waiting.size >= CHECKS_WAITING_MAX) {
        return Promise.reject(new ApiError('service.unavailable', { retryAfter: 1 }));
      }
      worker ??= start();
      const question: CheckQuestion = { id: nextId++, check };
      return new Promise((resolve, reject) => {
        waiting.set(question.id, { resolve, reject });
        worker?.postMessage(question);
      });
    },
    async close() {
      await worker?.terminate();
      fail(new ApiError('service.unavailable'));
    },
  };
}
