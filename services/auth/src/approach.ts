/** How somebody who is not logged in comes to us: from where, and with which key in hand. */
import { ApiError } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { CryptoError, checkVerifyingKey } from '@sotto/crypto/verify';
import type { Connection, Proofs } from '@sotto/runtime';
import { type Source, sourceOf } from './source.ts';

/** The key that a request was signed with (RFC 9449). */
export interface Binding {
  /** Its thumbprint (RFC 7638), which tokens name it by. */
  jkt: string;
  /** Ed25519, 32 bytes, sound. */
  deviceKey: Uint8Array;
}

export interface Approach {
  source: Source;
  /** The address, for the audit log. */
  address: string | undefined;
  /** Undefined when the request carries no proof: what it opens is then bound to no key. */
  binding: Binding | undefined;
}

export interface Arrival {
  request: Request;
  connection: Connection | undefined;
}

/**
 * Looks at a request of somebody without a token. A proof that is there is checked in full: throws `auth.proof-invalid`,
 * `auth.proof-nonce`, and `service.unavailable` when it cannot be known whether it was used before.
 */
export async function approachOf(
  proofs: Pick<Proofs, 'check'>,
  { request, connection }: Arrival,
): Promise<Approach> {
  const isSigned = request.headers.has('dpop');
  const binding = isSigned ? soundKey(await proofs.check({ request, connection })) : undefined;
  return { source: sourceOf(connection), address: connection?.remoteAddress, binding };
}

/** A key of low order would let anybody sign for the device. */
function soundKey(binding: Binding): Binding {
  try {
    checkVerifyingKey(nodeProvider, binding.deviceKey);
    return binding;
  } catch (cause) {
    if (cause instanceof CryptoError) throw new ApiError('auth.proof-invalid', { cause });
    throw cause;
  }
}
