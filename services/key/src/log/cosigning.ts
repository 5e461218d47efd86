/** Signatures of witnesses: kept under the very heads that this log has signed, from those whom the operator named. */
import { ApiError, type Body, type cosignKeyLogHead } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { CryptoError, decodeTreeHead, verifyCosignature, verifyingKey } from '@sotto/crypto/verify';
import type { Database } from '@sotto/runtime';
import type { KeyTables } from '../schema.ts';
import { findHead, insertCosignature } from './heads.ts';
import type { KeyLog } from './key-log.ts';

export interface CosigningDeps {
  database: Pick<Database<KeyTables>, 'query'>;
  keyLog: Pick<KeyLog, 'witnessKeys'>;
}

/**
 * Keeps a witness's signature; the same again changes nothing. Throws `key.witness-unknown`, `key.signature-invalid`, and
 * `key.log-unknown` for a head that is not one of this log's.
 */
export async function keepCosignature(
  { database: { query }, keyLog: { witnessKeys } }: CosigningDeps,
  { head, witnessKey, signature }: Body<typeof cosignKeyLogHead>,
): Promise<void> {
  if (!witnessKeys.some((key) => Buffer.from(key).equals(witnessKey))) {
    throw new ApiError('key.witness-unknown');
  }
  const { message, size } = readHead(head);
  const signed = { encoded: head, cosignature: signature };
  if (!verifyCosignature(nodeProvider, verifyingKey<'witness'>(witnessKey), signed)) {
    throw new ApiError('key.signature-invalid', { fields: ['signature'] });
  }
  const ours = await findHead(query, size);
  // What a witness signs is the head without our signature, which may have been made anew since.
  if (ours === undefined || !Buffer.from(decodeTreeHead(ours.head).message).equals(message)) {
    throw new ApiError('key.log-unknown');
  }
  await insertCosignature(query, size, { witnessKey, signature });
}

function readHead(encoded: Uint8Array): { message: Uint8Array; size: number } {
  try {
    const { head, message } = decodeTreeHead(encoded);
    return { message, size: head.size };
  } catch (cause) {
    if (cause instanceof CryptoError) {
      throw new ApiError('request.invalid', { fields: ['head'], cause });
    }
    throw cause;
  }
}
