/** Raw `node:crypto` AES-256-GCM on chunks of the size that our file format has: the floor for a file cipher. */
import { createCipheriv, randomBytes } from 'node:crypto';
import type { Implementation } from './implementation.ts';

const CHUNK_BYTES = 16 * 1024;

export const nodeAes: Implementation = {
  name: 'node:crypto AES-256-GCM, raw',
  sealFile(content) {
    const key = randomBytes(32);
    const sealed = new Uint8Array(content.length + Math.ceil(content.length / CHUNK_BYTES) * 16);
    let written = 0;
    for (let offset = 0; offset < content.length; offset += CHUNK_BYTES) {
      const nonce = new Uint8Array(12);
      new DataView(nonce.buffer).setUint32(8, offset / CHUNK_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce);
      const chunk = cipher.update(content.subarray(offset, offset + CHUNK_BYTES));
      sealed.set(chunk, written);
      cipher.final();
      sealed.set(cipher.getAuthTag(), written + chunk.length);
      written += chunk.length + 16;
    }
  },
};
