/** A device's key as tests hold it, with what it signs. Written without any of the platform's code that checks it. */
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import type { DeviceId, EndpointSpec } from '@sotto/api';

export interface ProofOptions {
  /** The origin that was called; the caller of `platform.fixture.ts` calls this one. */
  origin?: string;
  nonce?: string | undefined;
  /** The access token that the proof goes with. */
  token?: string | undefined;
  /** What the claims say otherwise. */
  claims?: object;
  header?: object;
}

export type DeviceKey = ReturnType<typeof makeDeviceKey>;

/** A fresh key. */
export function makeDeviceKey(clock: () => number = Date.now) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const { x = '' } = publicKey.export({ format: 'jwk' });
  const jwk = { kty: 'OKP', crv: 'Ed25519', x };
  return {
    publicKey: new Uint8Array(Buffer.from(x, 'base64url')),
    /** RFC 7638: the members that the kind of key needs, in the order of their names. */
    thumbprint: digest(JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x })),
    /** A proof for one request (RFC 9449 section 4.2). */
    proof(
      { method, path }: Pick<EndpointSpec, 'method' | 'path'>,
      { origin = 'http://auth', nonce, token, claims, header }: ProofOptions = {},
    ): string {
      const head = { typ: 'dpop+jwt', alg: 'EdDSA', jwk, ...header };
      const body = {
        jti: randomUUID(),
        htm: method,
        htu: `${origin}${path}`,
        iat: Math.floor(clock() / 1000),
        ...(nonce !== undefined && { nonce }),
        ...(token !== undefined && { ath: digest(token) }),
        ...claims,
      };
      const signed = `${part(head)}.${part(body)}`;
      return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString('base64url')}`;
    },
    /** The signature of a log-in challenge. */
    answer(device: DeviceId, challenge: Uint8Array): Uint8Array {
      const label = Buffer.from('sotto/v1/sign/login-challenge\0');
      const id = Buffer.from(device.replaceAll('-', ''), 'hex');
      return new Uint8Array(sign(null, Buffer.concat([label, id, challenge]), privateKey));
    },
  };
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
