/** What the file service counts and logs: one function per event. Sizes are padded by senders, so they may be counted. */
import type { Logger, Metrics } from '@sotto/runtime';

export interface Events {
  stored(bytes: number): void;
  /** `elsewhere` is an address at the store. */
  opened(part: 'whole' | 'range' | 'elsewhere'): void;
  deleted(): void;
  granted(): void;
  /** A grant ended, by its uploader or with its conversation. */
  revoked(): void;
  /** Something could not be removed now; the sweeper will try again. */
  leftover(error: unknown): void;
  /** Requests that bring bytes to uploads could not say that they live; others may take their turn. */
  turnsAtRisk(error: unknown): void;
  /** Bytes that came in vain could not be counted for the day. */
  uncounted(error: unknown): void;
  /** The sweeper removed one leftover. */
  swept(): void;
  /** The store gave other bytes than it was given, or none: data is lost. */
  damaged(error: Error): void;
  /** The store is not what the rows say by far, or marked as another's: an operator has to look before anything is removed. */
  foreign(difference: 'orphans' | 'lost' | 'marker', count: number): void;
}

export function createEvents(metrics: Metrics, log: Logger): Events {
  const stored = metrics.counter('files_stored_total', 'Files stored');
  const bytes = metrics.counter('files_stored_bytes_total', 'Bytes of files stored');
  const opened = metrics.counter('files_opened_total', 'Downloads begun', ['part']);
  const deleted = metrics.counter('files_deleted_total', 'Files deleted by their owners');
  const granted = metrics.counter('files_granted_total', 'Grants given');
  const revoked = metrics.counter('files_grants_ended_total', 'Grants ended');
  const leftover = metrics.counter('files_leftovers_total', 'Removals left to the sweeper');
  const swept = metrics.counter('files_swept_total', 'Leftovers removed by the sweeper');
  const damaged = metrics.counter('files_damaged_total', 'Blobs lost or altered in the store');
  const foreign = metrics.counter(
    'files_reconciliations_refused_total',
    'Comparisons of store and rows that found too much to remove',
    ['difference'],
  );
  // An alert looks for the first, which would not be a rise if there were no number before it.
  for (const difference of ['orphans', 'lost', 'marker']) foreign.inc({ difference }, 0);
  return {
    stored(size) {
      stored.inc();
      bytes.inc(size);
    },
    opened: (part) => opened.inc({ part }),
    deleted: () => deleted.inc(),
    granted: () => granted.inc(),
    revoked: () => revoked.inc(),
    leftover(error) {
      leftover.inc();
      log.warn('removal left to the sweeper', { error });
    },
    uncounted: (error) => log.warn('bytes of a day not counted', { error }),
    turnsAtRisk: (error) => log.warn('turns at uploads not renewed', { error }),
    swept: () => swept.inc(),
    damaged(error) {
      damaged.inc();
      log.error('blob damaged', { error });
    },
    foreign(difference, count) {
      foreign.inc({ difference });
      log.error('the store is another one than the rows tell of', { name: difference, count });
    },
  };
}
