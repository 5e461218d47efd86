/** Signals within one process: to whoever listens at this moment. */
import type { Closable } from './bus.ts';
import { hearSafely } from './bus-listener.ts';
import { matchesSubject } from './bus-subjects.ts';
import type { Logger } from './log.ts';

export type Hear = (data: Uint8Array, subject: string) => void;

export interface Signals {
  signal(subject: string, data: Uint8Array): void;
  listen(pattern: string, handler: Hear): Closable;
  clear(): void;
}

/** Signals that nobody listens to yet. A listener that throws is logged and harms no other. */
export function createSignals(log: Logger | undefined): Signals {
  const listeners = new Map<object, { pattern: string; handler: Hear }>();
  return {
    signal(subject, data) {
      const copy = data.slice();
      for (const [key, { pattern, handler }] of listeners) {
        if (!matchesSubject(pattern, subject)) continue;
        // Not in the sender's own turn; whoever has stopped to listen by then hears nothing.
        queueMicrotask(() => {
          if (listeners.has(key)) hearSafely(() => handler(copy, subject), pattern, log);
        });
      }
    },
    listen(pattern, handler) {
      const key = {};
      listeners.set(key, { pattern, handler });
      return {
        async close() {
          listeners.delete(key);
        },
      };
    },
    clear: () => listeners.clear(),
  };
}
