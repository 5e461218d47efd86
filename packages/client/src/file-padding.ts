/**
 * Files padded to size classes, so that a platform learns only the class. Padmé (Nikitin et al., 2019): at most 12 %
 * longer, and only as many classes as the logarithm of the logarithm of the size tells apart.
 */

import { FILE_BYTES_MAX } from '@sotto/api';
import { CryptoError, decryptedFileLength } from '@sotto/crypto';
import { ClientError, ConnectionError } from './errors.ts';

/** Files below this all look alike. */
const PADDED_BYTES_MIN = 4096;

/** The largest file, in bytes: what is left of the platform's limit within the encryption. */
export const PLAIN_FILE_BYTES_MAX = decryptedFileLength(FILE_BYTES_MAX);

/** The padded length of a file. Throws `file.size` for what the platform does not take. */
export function paddedLength(size: number): number {
  if (!Number.isSafeInteger(size) || size < 0 || size > PLAIN_FILE_BYTES_MAX) {
    throw new ClientError('file.size', `a file has at most ${PLAIN_FILE_BYTES_MAX} bytes`);
  }
  if (size <= PADDED_BYTES_MIN) return PADDED_BYTES_MIN;
  const exponent = Math.floor(Math.log2(size));
  const significantBits = Math.floor(Math.log2(exponent)) + 1;
  const step = 2 ** (exponent - significantBits);
  return Math.ceil(size / step) * step;
}

/** Passes exactly `size` bytes, then zeros up to the size class. Fails with `file.size` for any other number. */
export function padStream(size: number): TransformStream<Uint8Array, Uint8Array> {
  const zeros = paddedLength(size) - size;
  let passed = 0;
  const wrong = () => new ClientError('file.size', 'the file is not as long as was said');
  return new TransformStream({
    transform(bytes, controller) {
      passed += bytes.length;
      if (passed > size) throw wrong();
      controller.enqueue(bytes);
    },
    flush(controller) {
      if (passed !== size) throw wrong();
      const block = new Uint8Array(Math.min(zeros, 65_536));
      for (let left = zeros; left > 0; left -= block.length) {
        controller.enqueue(block.subarray(0, Math.min(left, block.length)));
      }
    },
  });
}

/**
 * The inverse, for a decrypted stream. Fails with `file.damaged` unless exactly the padding of `size` follows, with the
 * error of the decryption, or with `ConnectionError` when the bytes stop coming.
 */
export function unpadStream(
  padded: ReadableStream<Uint8Array>,
  size: number,
): ReadableStream<Uint8Array> {
  const reader = padded.getReader();
  const length = paddedLength(size);
  let seen = 0;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      for (;;) {
        const { done, value } = await reader.read().catch(explainFailure);
        if (done) {
          if (seen !== length) throw damaged();
          return controller.close();
        }
        const content = value.subarray(0, Math.max(0, size - seen));
        if (value.subarray(content.length).some((byte) => byte !== 0)) throw damaged();
        seen += value.length;
        if (content.length > 0) return controller.enqueue(content);
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

function explainFailure(cause: unknown): never {
  if (cause instanceof CryptoError) throw cause;
  throw new ConnectionError('the file stopped coming', { cause });
}

function damaged(): ClientError {
  return new ClientError('file.damaged', 'the file is not as it was sent');
}
