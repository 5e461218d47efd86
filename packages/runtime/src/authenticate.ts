/** An access token to the caller that it stands for. Every service does this for itself. */
import { ApiError, DeviceId, jwks, SessionId, UserId } from '@sotto/api';
import { type CryptoKey, errors, importJWK, type JWTHeaderParameters, jwtVerify } from 'jose';
import { z } from 'zod';
import { KEY_SET_AGE_MS, KEY_SET_REFETCH_MS } from './limits.ts';
import { callPeer } from './peer.ts';
import type { Revocations } from './revocations.ts';
import type { Clock, Fetch } from './service.ts';

/** The one type of token that opens anything (RFC 9068), so that no other token of ours ever does. */
export const ACCESS_TOKEN_TYPE = 'at+jwt';
export const ACCESS_TOKEN_ALGORITHM = 'EdDSA';

/** What an access token says beside issuer and audience. */
export const AccessTokenClaims = z.object({
  sub: UserId,
  /** The device. */
  did: DeviceId,
  /** The session. */
  sid: SessionId,
  /** Seconds since 1970. */
  iat: z.int(),
  exp: z.int(),
});
export type AccessTokenClaims = z.infer<typeof AccessTokenClaims>;

/** Whom an access token stands for. */
export interface Caller {
  user: UserId;
  device: DeviceId;
  session: SessionId;
  /** When the token ends, in milliseconds since 1970. */
  expiresAt: number;
}

/**
 * Verifies a token. Throws an ApiError: `auth.token-missing` for empty text, `auth.token-expired`,
 * `auth.token-invalid` for everything else that is wrong with it, `service.unavailable` when keys or revocations
 * could not be had yet.
 */
export type Authenticate = (token: string) => Promise<Caller>;

export interface AuthenticateOptions {
  /** The auth service, which publishes the keys. */
  auth: Fetch;
  issuer: string;
  audience: string;
  clock: Clock;
  revocations: Pick<Revocations, 'has'>;
}

/** A verifier with a key set of its own. Opens no connection but to the auth service's key set. */
export function createAuthenticate(options: AuthenticateOptions): Authenticate {
  const { issuer, audience, clock, revocations } = options;
  const findKey = createKeySet(options.auth, clock);
  return async (token) => {
    if (token === '') throw new ApiError('auth.token-missing');
    const claims = await verify(token, findKey, {
      issuer,
      audience,
      typ: ACCESS_TOKEN_TYPE,
      algorithms: [ACCESS_TOKEN_ALGORITHM],
      requiredClaims: ['iss', 'aud', 'sub', 'iat', 'exp'],
      currentDate: new Date(clock()),
    });
    if (revocations.has(claims.sid)) throw new ApiError('auth.token-invalid');
    const { sub: user, did: device, sid: session, exp } = claims;
    return { user, device, session, expiresAt: exp * 1000 };
  };
}

type FindKey = (header: JWTHeaderParameters) => Promise<CryptoKey>;

async function verify(
  token: string,
  findKey: FindKey,
  options: Parameters<typeof jwtVerify>[2],
): Promise<AccessTokenClaims> {
  try {
    const { payload } = await jwtVerify(token, findKey, options);
    return AccessTokenClaims.parse(payload);
  } catch (cause) {
    if (cause instanceof ApiError) throw cause;
    if (cause instanceof errors.JWTExpired) throw new ApiError('auth.token-expired', { cause });
    throw new ApiError('auth.token-invalid', { cause });
  }
}

/** Finds keys by id alone: nothing else that a token's header says is believed. */
function createKeySet(auth: Fetch, clock: Clock): FindKey {
  let keys = new Map<string, CryptoKey>();
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let fetching: Promise<void> | undefined;

  async function refetch(): Promise<void> {
    const answer = await callPeer(auth, jwks, {}, '');
    const entries = answer.keys.map(async (key) => {
      return [key.kid, (await importJWK(key, ACCESS_TOKEN_ALGORITHM)) as CryptoKey] as const;
    });
    keys = new Map(await Promise.all(entries));
    fetchedAt = clock();
  }

  function fetchOnce(): Promise<void> {
    fetching ??= refetch().finally(() => {
      fetching = undefined;
    });
    return fetching;
  }

  return async ({ kid }) => {
    const age = clock() - fetchedAt;
    const known = kid !== undefined && keys.has(kid);
    if (age > KEY_SET_AGE_MS || (!known && age > KEY_SET_REFETCH_MS)) await fetchOnce();
    const key = kid === undefined ? undefined : keys.get(kid);
    if (key === undefined) throw new ApiError('auth.token-invalid');
    return key;
  };
}
