/** What happens in the key service, counted. Nothing here can say to whom. */
import type { Logger, Metrics } from '@sotto/runtime';

export interface KeyEvents {
  identityPublished(): void;
  signedPrekeyPublished(): void;
  oneTimePrekeysPublished(count: number): void;
  /** A key was refused at upload. */
  keyRefused(code: string): void;
  /** A bundle left for so many devices, of which some had no one-time prekey any more. */
  bundleIssued(counts: { devices: number; degraded: number }): void;
  deviceListChanged(): void;
  /** Devices were told that few of their one-time prekeys are left. */
  prekeysLow(devices: number): void;
  /** The message service did not confirm a device list in time. */
  confirmationFailed(error: unknown): void;
  /** They could not be told; the next claim tries again. */
  tellingLowFailed(error: unknown): void;
}

/** The events of one process. */
export function createEvents(metrics: Metrics, log: Logger): KeyEvents {
  const published = metrics.counter('keys_published_total', 'Keys stored, by kind', ['kind']);
  const refused = metrics.counter('keys_refused_total', 'Keys refused at upload', ['code']);
  const issued = metrics.counter('bundles_issued_total', 'Device bundles handed out', [
    'one_time_prekey',
  ]);
  const lists = metrics.counter('device_lists_changed_total', 'New versions of device lists');
  const low = metrics.counter('prekeys_low_total', 'Devices told that few prekeys are left');
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
    prekeysLow: (devices) => low.inc(devices),
    confirmationFailed: (error) => log.warn('a device list was not confirmed', { error }),
    tellingLowFailed: (error) => log.warn('a device was not told of its few prekeys', { error }),
  };
}
