/** What this node lacks before anybody is refused, as numbers for Prometheus that are looked up when they are asked for. */
import type { Metrics } from '@sotto/runtime';
import type { Committer } from './committer.ts';
import { STALLED_MS } from './limits.ts';
import type { Sockets } from './sockets.ts';

export interface SaturationDeps {
  committer: Pick<Committer, 'fill'>;
  sockets: Pick<Sockets, 'stillForMs'>;
}

/** Tells how full the queue to the disk is, and of sockets to which something is owed and nothing moves. */
export function meterSaturation({ committer, sockets }: SaturationDeps, metrics: Metrics): void {
  metrics.reading(
    'message_queue_fill_ratio',
    'How full the queue of messages for the disk is, from 0 to 1',
    () => committer.fill,
  );
  metrics.reading(
    'message_undelivered_age_seconds',
    'The longest time that a connected device has been owed something, and neither got nor acknowledged anything',
    () => [...sockets.stillForMs()].reduce((most, ms) => Math.max(most, ms), 0) / 1000,
  );
  metrics.reading(
    'message_sockets_stalled',
    'Sockets of which that has been true for half a minute',
    () => [...sockets.stillForMs()].filter((ms) => ms > STALLED_MS).length,
  );
}
