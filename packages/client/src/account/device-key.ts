/**
 * The key of this device: it signs log-in challenges and request proofs, and is what the account's device list names.
 * It is not the account's identity key, which linked devices share and which signs that list.
 */
import { type Provider, signingKeyPairOf, signingSeed, type VerifyingKey } from '@sotto/crypto';
import { keys } from '../store/key-space.ts';
import type { Store } from '../store/store.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import { DeviceKeyRecord } from './records.ts';

/** Signs as this device. Narrow on purpose: a key that WebCrypto holds and never gives out can stand behind it. */
export interface DeviceKey {
  /** Ed25519, 32 bytes in Edwards form. */
  readonly publicKey: VerifyingKey<'device'>;
  /**
   * An Ed25519 signature (RFC 8032), 64 bytes, over exactly these bytes: the caller sees to it that what is signed for
   * one purpose cannot be taken for another.
   */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

/**
 * The device key of a store, made at its first use: it exists before the account does, because it signs the
 * registration. Throws `store.invalid` when the record is damaged, and what the store throws.
 */
export async function loadDeviceKey(store: Store, provider: Provider): Promise<DeviceKey> {
  const { seed } = await store.transaction(async (transaction) => {
    const known = await getRecord(transaction, keys.deviceKey, DeviceKeyRecord);
    if (known !== undefined) return known;
    const made = { seed: provider.randomBytes(32) };
    await putRecord(transaction, keys.deviceKey, [DeviceKeyRecord, made]);
    return made;
  });
  const pair = signingKeyPairOf(provider, signingSeed<'device'>(seed));
  return {
    publicKey: pair.publicKey,
    sign: async (bytes) => provider.ed25519Sign(pair.seed, bytes),
  };
}

/** The device key of a store, read at the first call and then held. */
export interface HeldDeviceKey {
  load(): Promise<DeviceKey>;
  /** Forgets what is held: the store has got another one, or is to make one. */
  reload(): void;
}

/** That of one store. Throws as {@link loadDeviceKey}. */
export function holdDeviceKey(store: Store, provider: Provider): HeldDeviceKey {
  let held: DeviceKey | undefined;
  return {
    async load() {
      held ??= await loadDeviceKey(store, provider);
      return held;
    },
    reload() {
      held = undefined;
    },
  };
}
