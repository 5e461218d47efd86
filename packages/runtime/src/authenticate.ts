/** An access token to the caller that it stands for. Every service does this for itself. */
import { hash } from 'node:crypto';
import { ApiError, DeviceId, jwks, SessionId, UserId } from '@sotto/api';
import { type CryptoKey, errors, importJWK, type JWTHeaderParameters, jwtVerify } from 'jose';
import { z } from 'zod';
import { KEY_SET_AGE_MS, KEY_SET_REFETCH_MS, TOKENS_BELIEVED_MAX } from './limits.ts';
import { callPeer } from './peer.ts';
import type { Revocations } from './revocations.ts';
import type { Clock, Fetch } from './service.ts';
import type { TokenUses } from './token-uses.ts';

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
  /** The generation of the refresh token that it came with. */
  gen: z.int().min(0).default(0),
  /** Seconds since 1970. */
  iat: z.int(),
  exp: z.int(),
  /** When the session's owner gave a password or a recovery code; a refresh keeps it. Seconds since 1970. */
  auth_time: z.int().optional(),
  /** The device key that the session is bound to (RFC 9449, 6.1). */
  cnf: z.object({ jkt: z.string() }).optional(),
});
export type AccessTokenClaims = z.infer<typeof AccessTokenClaims>;

/** Whom an access token stands for. */
export interface Caller {
  user: UserId;
  device: DeviceId;
  session: SessionId;
  /** When the token ends, in milliseconds since 1970. */
  expiresAt: number;
  /** When a password or a recovery code was given for this session, in milliseconds since 1970; 0 when none was. */
  authenticatedAt: number;
  /** The thumbprint of the device key that the session is bound to. */
  boundTo?: string;
  /** This request is signed by that key. */
  proven: boolean;
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
  /** Who wants to know what is used. Told at a token's first use, and again when it has to be verified anew. */
  uses?: Pick<TokenUses, 'note'>;
}

/** A verifier with a key set of its own. Opens no connection but to the auth service's key set. */
export function createAuthenticate(options: AuthenticateOptions): Authenticate {
  const { issuer, audience, clock, revocations, uses } = options;
  const keys = createKeySet(options.auth, clock);
  const believed = createBeliefs(clock);
  return async (token) => {
    if (token === '') throw new ApiError('auth.token-missing');
    const digest = hash('sha256', token, 'base64url');
    let caller = believed.get(digest);
    if (caller === undefined) {
      const claims = await verify(token, keys.find, {
        issuer,
        audience,
        typ: ACCESS_TOKEN_TYPE,
        algorithms: [ACCESS_TOKEN_ALGORITHM],
        requiredClaims: ['iss', 'aud', 'sub', 'iat', 'exp'],
        currentDate: new Date(clock()),
      });
      caller = callerOf(claims);
      believed.add(digest, { caller, until: Math.min(caller.expiresAt, keys.goodUntil()) });
      uses?.note({ session: claims.sid, generation: claims.gen });
    }
    if (revocations.has(caller.session)) throw new ApiError('auth.token-invalid');
    return caller;
  };
}

function callerOf(claims: AccessTokenClaims): Caller {
  const { sub: user, did: device, sid: session, exp, auth_time = 0, cnf } = claims;
  return {
    user,
    device,
    session,
    expiresAt: exp * 1000,
    authenticatedAt: auth_time * 1000,
    ...(cnf !== undefined && { boundTo: cnf.jkt }),
    proven: false,
  };
}

interface Belief {
  caller: Caller;
  /** Until the token ends, or the key that signed it has to be looked up again. */
  until: number;
}

/** Tokens that were found good, by their digests: to verify a signature is most of what a small request costs. */
function createBeliefs(clock: Clock) {
  const beliefs = new Map<string, Belief>();
  return {
    get(digest: string): Caller | undefined {
      const belief = beliefs.get(digest);
      if (belief === undefined || clock() < belief.until) return belief?.caller;
      beliefs.delete(digest);
      return undefined;
    },
    add(digest: string, belief: Belief): void {
      if (beliefs.size >= TOKENS_BELIEVED_MAX) {
        const [oldest = ''] = beliefs.keys();
        beliefs.delete(oldest);
      }
      beliefs.set(digest, belief);
    },
  };
}

interface KeySet {
  find: FindKey;
  /** When the keys must be fetched again before any of them is believed. */
  goodUntil(): number;
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
function createKeySet(auth: Fetch, clock: Clock): KeySet {
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

  async function find({ kid }: JWTHeaderParameters): Promise<CryptoKey> {
    const age = clock() - fetchedAt;
    const known = kid !== undefined && keys.has(kid);
    if (age > KEY_SET_AGE_MS || (!known && age > KEY_SET_REFETCH_MS)) await fetchOnce();
    const key = kid === undefined ? undefined : keys.get(kid);
    if (key === undefined) throw new ApiError('auth.token-invalid');
    return key;
  }

  return { find, goodUntil: () => fetchedAt + KEY_SET_AGE_MS };
}
