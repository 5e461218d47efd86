/**
 * Names that people give their devices, encrypted for the account's own devices: the platform keeps them, and learns
 * neither a name nor its length. The key comes from the identity seed, which all devices of an account share.
 */
import { encodeUuid } from './address.ts';
import { TAG_BYTES } from './aead.ts';
import { concat, utf8 } from './bytes.ts';
import { CryptoError } from './errors.ts';
import { KDF_LABELS } from './kdf.ts';
import type { SigningSeed } from './keys.ts';
import { DEVICE_NAME_TEXT_BYTES_MAX } from './limits.ts';
import type { Provider } from './provider.ts';

const NONCE_BYTES = 12;
const PADDED_BYTES = DEVICE_NAME_TEXT_BYTES_MAX + 1;
const NO_SALT = new Uint8Array();

/** Whose name it is, and the key to it. */
export interface DeviceNameInput {
  readonly identitySeed: SigningSeed<'identity'>;
  /** UUID of the device; a name cannot be moved to another one. */
  readonly device: string;
}

/**
 * nonce ‖ ciphertext ‖ tag, 156 bytes. The nonce is random: an account would have to rename its devices 2³² times
 * before that mattered. Throws `input.invalid` for an empty name, and one longer than {@link DEVICE_NAME_TEXT_BYTES_MAX}.
 */
export function sealDeviceName(
  provider: Provider,
  { identitySeed, device }: DeviceNameInput,
  name: string,
): Uint8Array {
  const encoded = utf8(name);
  if (encoded.length === 0 || encoded.length > DEVICE_NAME_TEXT_BYTES_MAX) {
    throw new CryptoError(
      'input.invalid',
      `a device name has 1 to ${DEVICE_NAME_TEXT_BYTES_MAX} bytes`,
    );
  }
  const data = new Uint8Array(PADDED_BYTES);
  data[0] = encoded.length;
  data.set(encoded, 1);
  const nonce = provider.randomBytes(NONCE_BYTES);
  const key = deriveKey(provider, identitySeed);
  const associatedData = encodeUuid(device);
  return concat(nonce, provider.aesGcmSeal({ key, nonce, associatedData, data }));
}

/**
 * The name again, or undefined when it was encrypted under another identity or for another device: a name is nothing
 * to fail over.
 */
export function openDeviceName(
  provider: Provider,
  { identitySeed, device }: DeviceNameInput,
  sealed: Uint8Array,
): string | undefined {
  if (sealed.length !== NONCE_BYTES + PADDED_BYTES + TAG_BYTES) return undefined;
  const padded = provider.aesGcmOpen({
    key: deriveKey(provider, identitySeed),
    nonce: sealed.slice(0, NONCE_BYTES),
    associatedData: encodeUuid(device),
    data: sealed.slice(NONCE_BYTES),
  });
  if (padded === undefined) return undefined;
  return new TextDecoder().decode(padded.subarray(1, 1 + padded[0]!));
}

function deriveKey(provider: Provider, identitySeed: SigningSeed<'identity'>): Uint8Array {
  const info = KDF_LABELS.deviceName;
  return provider.hkdfSha256({ keyMaterial: identitySeed, salt: NO_SALT, info, length: 32 });
}
