/** What a test expects to be thrown: an error of this package with this code. */
import { expect } from 'vitest';
import { CryptoError, type CryptoErrorCode } from './errors.ts';

export function withCode(code: CryptoErrorCode) {
  return expect.objectContaining({ constructor: CryptoError, code });
}
