/**
 * What users do often, counted up for the audit log: how many messages or files, never which.
 *
 * Counts wait in memory and go out once a minute. A process that is killed loses those of its last minute: each of them
 * is a number in a log, and a transaction for every message would cost more than the message.
 */
import { randomUUID } from 'node:crypto';
import type { AUDIT_ACTIONS, AuditEntry, AuditNoted } from '@sotto/api/internal';
import type { Caller } from './authenticate.ts';
import type { Bus } from './bus.ts';
import { publishEvent } from './events.ts';
import { AUDIT_COUNTS_MAX, AUDIT_COUNTS_MS, AUDIT_ENTRIES_MAX } from './limits.ts';
import type { Logger } from './log.ts';
import type { Clock } from './service.ts';

/** What is counted; all else is noted one by one, in the transaction that makes it happen. */
export type CountedAction = Extract<
  (typeof AUDIT_ACTIONS)[number],
  'bundles.fetched' | 'messages.sent' | 'messages.fetched' | 'files.uploaded' | 'files.fetched'
>;

export interface AuditCounts {
  /** Counts something that a device of a user did. */
  note(action: CountedAction, who: Pick<Caller, 'user' | 'device'>, times?: number): void;
  /** Sends what was counted; what cannot be sent stays for the next time. */
  flush(): Promise<void>;
  /** Flushes, and counts no more. */
  close(): Promise<void>;
}

export interface AuditCountsOptions {
  bus: Bus;
  clock: Clock;
  log: Logger;
}

/** Counts for one service. Close it before its bus. */
export function createAuditCounts({ bus, clock, log }: AuditCountsOptions): AuditCounts {
  let counts = new Map<string, AuditEntry & { count: number }>();
  /** Under way: sent again as they are, under the same id, so that none is counted twice. */
  let batches: AuditNoted[] = [];
  let flushing: Promise<void> | undefined;
  let lost = 0;

  function pack(): void {
    if (batches.length > 0) return;
    const entries = [...counts.values()];
    counts = new Map();
    for (let at = 0; at < entries.length; at += AUDIT_ENTRIES_MAX) {
      batches.push({ id: randomUUID(), entries: entries.slice(at, at + AUDIT_ENTRIES_MAX) });
    }
  }

  async function send(): Promise<void> {
    pack();
    try {
      for (const batch of [...batches]) {
        await publishEvent(bus, 'events.audit.noted', batch, batch.id);
        batches = batches.filter((one) => one !== batch);
      }
      if (lost > 0) log.warn('counts for the audit log were lost', { count: lost });
      lost = 0;
    } catch (error) {
      log.warn('counts for the audit log wait', { error });
    }
  }

  function flush(): Promise<void> {
    flushing ??= send().finally(() => {
      flushing = undefined;
    });
    return flushing;
  }

  const timer = setInterval(() => void flush(), AUDIT_COUNTS_MS).unref();
  return {
    note(action, { user, device }, times = 1) {
      const key = `${action} ${device}`;
      const known = counts.get(key);
      if (known !== undefined) known.count += times;
      else if (counts.size >= AUDIT_COUNTS_MAX) lost += times;
      else {
        const at = new Date(clock()).toISOString();
        counts.set(key, { at, action, user, device, count: times });
      }
    },
    flush,
    async close() {
      clearInterval(timer);
      await flush();
      // What came while an earlier turn was under way.
      if (counts.size > 0) await flush();
    },
  };
}
