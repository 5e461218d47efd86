/** How the platform says who it is to push services (RFC 8292): a key of P-256, and tokens signed with it. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import type { Clock } from '@sotto/runtime';
import { VAPID_ORIGINS_MAX, VAPID_RENEW_MS, VAPID_TOKEN_MS } from './limits.ts';

export interface Vapid {
  /** What browsers subscribe with: an uncompressed point. */
  readonly publicKey: Uint8Array;
  /** The `Authorization` header for one push service. */
  authorize(endpoint: string): string;
}

export interface VapidOptions {
  /** As `makeVapidKey` gave it. */
  privateKey: Uint8Array;
  /** `mailto:` or `https:`, where the operator of a push service finds us. */
  contact?: string | undefined;
  clock: Clock;
}

/** A new private key, PKCS #8. */
export function makeVapidKey(): Buffer {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ format: 'der', type: 'pkcs8' });
}

/** Signs for the push services that it is asked for, and remembers what it signed. */
export function createVapid({ privateKey, contact, clock }: VapidOptions): Vapid {
  const key = createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' });
  const publicKey = pointOf(key);
  const publicText = Buffer.from(publicKey).toString('base64url');
  const known = new Map<string, { token: string; signedAt: number }>();
  return {
    publicKey,
    authorize(endpoint) {
      const { origin } = new URL(endpoint);
      const now = clock();
      let signed = known.get(origin);
      if (signed === undefined || now - signed.signedAt > VAPID_RENEW_MS) {
        if (known.size >= VAPID_ORIGINS_MAX) known.clear();
        const exp = Math.floor((now + VAPID_TOKEN_MS) / 1000);
        const claims = { aud: origin, exp, ...(contact !== undefined && { sub: contact }) };
        signed = { token: tokenOf(key, claims), signedAt: now };
        known.set(origin, signed);
      }
      return `vapid t=${signed.token}, k=${publicText}`;
    },
  };
}

function pointOf(key: KeyObject): Uint8Array {
  const { x = '', y = '' } = createPublicKey(key).export({ format: 'jwk' });
  const uncompressed = Uint8Array.of(4);
  return Buffer.concat([uncompressed, Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
}

/** A JWT by ES256 (RFC 7518 section 3.4), whose signature is the two numbers side by side. */
function tokenOf(key: KeyObject, claims: object): string {
  const parts = [{ typ: 'JWT', alg: 'ES256' }, claims];
  const text = parts
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}
