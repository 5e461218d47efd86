/** The key of a device, and the proofs that it signs for requests (RFC 9449). */
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';

export interface ProvingKey {
  /** What tokens of a session call it. */
  thumbprint: string;
  /** The `DPoP` header of a request. */
  prove(request: Pick<Request, 'method' | 'url'>, claims: { token: string; nonce: string }): string;
}

export function newProvingKey(clock: () => number = Date.now): ProvingKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const { x = '' } = publicKey.export({ format: 'jwk' });
  const jwk = { crv: 'Ed25519', kty: 'OKP', x };
  return {
    thumbprint: digest(JSON.stringify(jwk)),
    prove({ method, url }, { token, nonce }) {
      const claims = {
        ...{ jti: randomUUID(), htm: method, htu: url, nonce, ath: digest(token) },
        iat: Math.floor(clock() / 1000),
      };
      const text = [{ typ: 'dpop+jwt', alg: 'EdDSA', jwk }, claims]
        .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
        .join('.');
      return `${text}.${sign(null, Buffer.from(text), privateKey).toString('base64url')}`;
    },
  };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
