/**
 * Access tokens: JWTs signed with Ed25519 (RFC 9068, RFC 8037).
 *
 * Keys are derived from secrets, so that all auth processes sign alike with no key file between them.
 */
import {
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  type KeyObject,
  randomUUID,
} from 'node:crypto';
import { type DeviceId, PublicJwk, type SessionId, type UserId } from '@sotto/api';
import { ACCESS_TOKEN_ALGORITHM, ACCESS_TOKEN_TYPE, AccessTokenClaims } from '@sotto/runtime';
import { calculateJwkThumbprint, decodeJwt, SignJWT } from 'jose';

/** Whom a token stands for, and the refresh generation that it comes with. */
export interface AccessTokenSubject {
  user: UserId;
  device: DeviceId;
  session: SessionId;
  generation: number;
  /** When a password or a recovery code was given, in milliseconds since 1970, if any was; a renewal keeps it. */
  authenticatedAt?: number;
  /** The thumbprint of the key that the session is bound to (RFC 9449 section 6.1). */
  boundTo?: string;
}

export interface AccessTokens {
  /** A token that is good from `now` (milliseconds) on. */
  mint(subject: AccessTokenSubject, now: number): Promise<string>;
  /** Every key that tokens verify with: the one that signs and those before it. */
  readonly keys: readonly PublicJwk[];
  readonly lifeMs: number;
}

export interface AccessTokensOptions {
  /** The first signs, all verify. */
  secrets: readonly string[];
  issuer: string;
  audience: string;
  lifeMs: number;
}

/** Says what a derived key is for; no other key of the platform is derived with it. */
const KEY_LABEL = 'sotto/v1/access-token-signing-key';

/** Derives the keys. The same secrets give the same keys and key ids everywhere. */
export async function createAccessTokens(options: AccessTokensOptions): Promise<AccessTokens> {
  const { secrets, issuer, audience, lifeMs } = options;
  const pairs = await Promise.all(secrets.map(signingKey));
  const [signing] = pairs;
  if (signing === undefined) throw new TypeError('there is no secret to sign access tokens with');
  return {
    lifeMs,
    keys: pairs.map(({ jwk }) => jwk),
    mint({ user, device, session, generation, authenticatedAt, boundTo }, now) {
      const issuedAt = Math.floor(now / 1000);
      const claims: Omit<AccessTokenClaims, 'iat' | 'exp' | 'sub'> = {
        did: device,
        sid: session,
        gen: generation,
        ...(authenticatedAt !== undefined && { auth_time: Math.floor(authenticatedAt / 1000) }),
        ...(boundTo !== undefined && { cnf: { jkt: boundTo } }),
      };
      return new SignJWT(claims)
        .setProtectedHeader({
          alg: ACCESS_TOKEN_ALGORITHM,
          typ: ACCESS_TOKEN_TYPE,
          kid: signing.jwk.kid,
        })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(user)
        .setJti(randomUUID())
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + Math.floor(lifeMs / 1000))
        .sign(signing.privateKey);
    },
  };
}

const GenerationClaim = AccessTokenClaims.pick({ gen: true });

/** The refresh generation that a token came with. Only for tokens that were verified. */
export function generationOf(verifiedToken: string): number {
  return GenerationClaim.parse(decodeJwt(verifiedToken)).gen;
}

interface SigningKey {
  privateKey: KeyObject;
  jwk: PublicJwk;
}

/** RFC 8410: what comes before the 32 bytes of an Ed25519 seed in PKCS #8. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

async function signingKey(secret: string): Promise<SigningKey> {
  const seed = Buffer.from(hkdfSync('sha256', secret, '', KEY_LABEL, 32));
  const der = Buffer.concat([PKCS8_PREFIX, seed]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const { kty, crv, x } = createPublicKey(privateKey).export({ format: 'jwk' });
  const kid = await calculateJwkThumbprint({ kty, crv, x } as Record<string, string>);
  return { privateKey, jwk: PublicJwk.parse({ kty, crv, x, kid, alg: 'EdDSA', use: 'sig' }) };
}
