/** `libsodium-wrappers`: primitives in WebAssembly; no ratchet. */
import sodium from 'libsodium-wrappers';
import type { Implementation, Primitive } from '../crypto/implementation.ts';

const CHUNK_BYTES = 16 * 1024;

await sodium.ready;

function primitives(): { [name: string]: Primitive } {
  const ours = sodium.crypto_box_keypair();
  const theirs = sodium.crypto_box_keypair();
  const signing = sodium.crypto_sign_keypair();
  const message = new Uint8Array(64);
  const signature = sodium.crypto_sign_detached(message, signing.privateKey);
  const key = sodium.randombytes_buf(32);
  const nonce = sodium.randombytes_buf(24);
  const kilobyte = new Uint8Array(1024);
  return {
    'X25519 agreement': () => sodium.crypto_scalarmult(ours.privateKey, theirs.publicKey),
    'Ed25519 signature made': () => sodium.crypto_sign_detached(message, signing.privateKey),
    'Ed25519 signature verified': () =>
      sodium.crypto_sign_verify_detached(signature, message, signing.publicKey),
    'AEAD seal 1 KiB': () =>
      sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(kilobyte, null, null, nonce, key),
  };
}

/** XChaCha20-Poly1305 secretstream in chunks of the size that ours has. */
function sealFile(content: Uint8Array): void {
  const { state } = sodium.crypto_secretstream_xchacha20poly1305_init_push(
    sodium.crypto_secretstream_xchacha20poly1305_keygen(),
  );
  for (let offset = 0; offset < content.length; offset += CHUNK_BYTES) {
    const last = offset + CHUNK_BYTES >= content.length;
    sodium.crypto_secretstream_xchacha20poly1305_push(
      state,
      content.subarray(offset, offset + CHUNK_BYTES),
      null,
      last
        ? sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL
        : sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE,
    );
  }
}

export const implementation: Implementation = {
  name: 'libsodium-wrappers 0.8.4',
  sealFile,
  primitives,
};
