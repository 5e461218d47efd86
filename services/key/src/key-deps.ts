/** What publishing keys works with, and the one place where a fault in a key becomes a problem. */
import { ApiError } from '@sotto/api';
import type { DeviceListChanged } from '@sotto/api/internal';
import type { AuditCounts, Clock, Database, Outbox } from '@sotto/runtime';
import type { BundleClaims } from './bundle-claims.ts';
import type { BundleLimits } from './bundle-limits.ts';
import type { KeyEvents } from './events.ts';
import type { KeyCheck } from './key-check.ts';
import type { KeyChecks } from './key-checks.ts';
import type { KeyLog } from './log/key-log.ts';
import type { KeyTables } from './schema.ts';
import type { UploadLimits } from './upload-limits.ts';

export interface KeyDeps {
  database: Pick<Database<KeyTables>, 'query' | 'pool'>;
  outbox: Pick<Outbox, 'nudge'>;
  events: KeyEvents;
  checks: KeyChecks;
  claims: Pick<BundleClaims, 'claim'>;
  bundleLimits: BundleLimits;
  uploadLimits: UploadLimits;
  counts: Pick<AuditCounts, 'note'>;
  clock: Clock;
  keyLog: Pick<KeyLog, 'blindingKey' | 'nudge'>;
  /** Resolves whether the message service goes by a device list now; never rejects. */
  confirm(list: DeviceListChanged): Promise<boolean>;
}

/** Throws the problem of the first key that is not sound, naming it by its field. */
export async function requireSound(
  { checks, events }: KeyDeps,
  check: KeyCheck,
  fieldOf: (index: number) => string,
): Promise<void> {
  const fault = await checks.find(check);
  if (fault === undefined) return;
  events.keyRefused(fault.code);
  const options = { detail: fault.code, fields: [fieldOf(fault.index)] };
  if (fault.code === 'signature.invalid') throw new ApiError('key.signature-invalid', options);
  if (fault.code.startsWith('key.')) throw new ApiError('key.key-invalid', options);
  throw new ApiError('request.invalid', options);
}
