/**
 * One value for the device lists of all members of a group: a sender names by it what a message was keyed for, and a
 * server compares it with what it holds.
 */
import { encodeUuid, UUID_BYTES } from './address.ts';
import { ByteWriter } from './byte-writer.ts';
import { CryptoError } from './errors.ts';
import { KDF_LABELS, labelled } from './kdf.ts';
import type { Provider } from './provider.ts';

/** Which version of a member's device list is meant. */
export interface DeviceListVersion {
  /** UUID of the account. */
  readonly user: string;
  /** 0 for a member who has published none. */
  readonly version: number;
}

/**
 * SHA-256 over the versions, each once, in whatever order they come (docs/protocol.md, section 13). Throws
 * `input.invalid` when a user is named twice or a value out of range.
 */
export function digestDeviceLists(
  provider: Provider,
  lists: readonly DeviceListVersion[],
): Uint8Array {
  const sorted = lists.toSorted((a, b) => (a.user < b.user ? -1 : 1));
  const writer = new ByteWriter(sorted.length * (UUID_BYTES + 4));
  let before: string | undefined;
  for (const { user, version } of sorted) {
    if (user === before) throw new CryptoError('input.invalid', 'a user is named twice');
    before = user;
    writer.bytes(encodeUuid(user)).u32(version);
  }
  return provider.sha256(labelled(KDF_LABELS.deviceLists, writer.finish()));
}
