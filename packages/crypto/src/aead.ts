/**
 * The message cipher: AES-256-GCM under a key and nonce that belong to one message only, both
 * derived from the message's seed and its own random salt. So a device whose state was rolled back
 * and that encrypts under a counter a second time still never repeats a (key, nonce) pair.
 */
import { CryptoError } from './errors.ts';
import type { Provider } from './provider.ts';

/** Bytes that the cipher adds to a plaintext. */
export const TAG_BYTES = 16;
/** Bytes of the random salt that travels in each message header. */
export const SALT_BYTES = 16;

/** What both ends of a message need to derive its key. */
export interface MessageKeyInput {
  /** 32 bytes from the chain, used for one message. */
  readonly seed: Uint8Array;
  /** {@link SALT_BYTES} fresh random bytes, sent in the header. */
  readonly salt: Uint8Array;
  /** From the label table: pairwise and group messages have different ones. */
  readonly label: Uint8Array;
  readonly associatedData: Uint8Array;
}

/** Encrypts; the result is as long as the plaintext and {@link TAG_BYTES}. */
export function sealMessage(
  provider: Provider,
  input: MessageKeyInput,
  plaintext: Uint8Array,
): Uint8Array {
  const { key, nonce } = deriveMessageKey(provider, input);
  const { associatedData } = input;
  return provider.aesGcmSeal({ key, nonce, associatedData, data: plaintext });
}

/** Decrypts. Throws `message.undecryptable` for every cause alike. */
export function openMessage(
  provider: Provider,
  input: MessageKeyInput,
  ciphertext: Uint8Array,
): Uint8Array {
  const { key, nonce } = deriveMessageKey(provider, input);
  const { associatedData } = input;
  const plaintext = provider.aesGcmOpen({ key, nonce, associatedData, data: ciphertext });
  if (plaintext === undefined) {
    throw new CryptoError('message.undecryptable', 'the message does not authenticate');
  }
  return plaintext;
}

function deriveMessageKey(provider: Provider, { seed, salt, label }: MessageKeyInput) {
  const output = provider.hkdfSha256({ keyMaterial: seed, salt, info: label, length: 44 });
  return { key: output.subarray(0, 32), nonce: output.subarray(32) };
}
