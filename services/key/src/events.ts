/** What happens in the key service, counted. Nothing here can say to whom. */
import type { Metrics } from '@sotto/runtime';

export interface KeyEvents {
  identityPublished(): void;
  signedPrekeyPublished(): void;
  oneTimePrekeysPublished(count: number): void;
  /** A key was refused at upload. */
  keyRefused(code: string): void;
  /** A bundle left for so many devices, of which some had no one-time prekey any more. */
  bundleIssued(counts: { devices: number; degraded: number }): void;
  deviceListChanged(): void;
}

/** The events of one process. */
export function createEvents(metrics: Metrics): KeyEvents {
  const published = metrics.counter('keys_published_total', 'Keys stored, by kind', ['kind']);
  const refused = metrics.counter('keys_refused_total', 'Keys refused at upload', ['code']);
  const issued = metrics.counter('bundles_issued_total', 'Device bundles handed out', [
    'one_time_prekey',
  ]);
  const lists = metrics.counter('device_lists_changed_total', 'New versions of device lists');
  return {
    identityPublished: () => published.inc({ kind: 'identity' }),
    signedPrekeyPublished: () => published.inc({ kind: 'signed-prekey' }),
    oneTimePrekeysPublished: (count) => published.inc({ kind: 'one-time-prekey' }, count),
    keyRefused: (code) => refused.inc({ code }),
    bundleIssued({ devices, degraded }) {
      issued.inc({ one_time_prekey: 'with' }, devices - degraded);
      issued.inc({ one_time_prekey: 'without' }, degraded);
    },
    deviceListChanged: () => lists.inc(),
  };
}
