/**
 * The keys of one backup, from the recovery key that its owner holds as words. A recovery key serves for any number of
 * backups; each has a salt of its own, and so a file key that seals nothing else.
 */
import { assertLength } from './bytes.ts';
import { derivePair, KDF_LABELS } from './kdf.ts';
import type { Provider } from './provider.ts';

/** Bytes of a recovery key. */
export const RECOVERY_KEY_BYTES = 32;

/** Bytes of the salt of a backup. */
export const BACKUP_SALT_BYTES = 32;

export interface BackupKeys {
  /** Encrypts the backup, as one file (`file-stream.ts`). */
  readonly fileKey: Uint8Array;
  /** Lies beside the backup, 32 bytes: tells another recovery key from a damaged backup, and gives nothing away. */
  readonly check: Uint8Array;
}

/**
 * HKDF-SHA256 of the recovery key, which is uniformly random: nothing is to be stretched. Throws `input.invalid` for
 * other lengths.
 */
export function backupKeysOf(
  provider: Provider,
  recoveryKey: Uint8Array,
  salt: Uint8Array,
): BackupKeys {
  assertLength(recoveryKey, RECOVERY_KEY_BYTES, 'a recovery key');
  assertLength(salt, BACKUP_SALT_BYTES, 'the salt of a backup');
  const input = { keyMaterial: recoveryKey, salt, info: KDF_LABELS.backup };
  const [fileKey, check] = derivePair(provider, input);
  return { fileKey, check };
}
