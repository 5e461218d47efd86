/** A client's side of request proofs, as another implementation of RFC 9449 would do it. */

import { createHash, randomUUID } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose';

export interface ProofKey {
  privateKey: CryptoKey;
  jwk: { kty: string; crv: string; x: string };
}

export async function proofKey(): Promise<ProofKey> {
  const { publicKey, privateKey } = await generateKeyPair('EdDSA', { extractable: true });
  const { kty = '', crv = '', x = '' } = await exportJWK(publicKey);
  return { privateKey, jwk: { kty, crv, x } };
}

export interface ProofContent {
  key: ProofKey;
  method?: string;
  url: string;
  nonce: string;
  token?: string;
  /** Claims and header fields that replace the right ones; undefined takes one away. */
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
}

/** The value of the `DPoP` header. */
export function makeProof(content: ProofContent): Promise<string> {
  const { key, method = 'GET', url, nonce, token, claims = {}, header = {} } = content;
  return new SignJWT({
    jti: randomUUID(),
    htm: method,
    htu: url,
    iat: Math.floor(Date.now() / 1000),
    nonce,
    ...(token !== undefined && { ath: createHash('sha256').update(token).digest('base64url') }),
    ...claims,
  })
    .setProtectedHeader({ typ: 'dpop+jwt', alg: 'EdDSA', jwk: key.jwk, ...header })
    .sign(key.privateKey);
}
