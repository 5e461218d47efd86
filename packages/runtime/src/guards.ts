/** Who may come in, and how often: what every route of a service asks before anything else happens. */
import { ApiError, type EndpointSpec } from '@sotto/api';
import { type Authenticate, type Caller, createAuthenticate } from './authenticate.ts';
import type { Counters } from './counters.ts';
import type { Logger } from './log.ts';
import type { Metrics } from './metrics.ts';
import { createProofs, PROOF_HEADER, type Proofs } from './proof.ts';
import type { ProofOrigins } from './proof-origins.ts';
import type { Limiter, Limiters, Standing } from './rate-limit.ts';
import { createRevocations, type Revocations } from './revocations.ts';
import type { Clock, Connection, Fetch } from './service.ts';
import { createTokenUses, type TokenUses } from './token-uses.ts';

/** Who checks the credentials. */
export interface Guards {
  authenticate: Authenticate;
  /** What services of the platform show to `access: 'service'` endpoints. */
  internalSecret: string;
  proofs: Proofs;
  /** Of each user, for all operations that have no limit of their own. */
  userLimit: Pick<Limiter, 'take'>;
}

export interface GuardsOptions {
  /** The auth service. */
  auth: Fetch;
  internalSecret: string;
  jwt: { issuer: string; audience: string };
  /** Those that request proofs may name. */
  origins: ProofOrigins;
  /** See the `limits` section. */
  userPerMinute: number;
  counters: Counters;
  limiters: Limiters;
  metrics: Metrics;
  clock: Clock;
  log: Logger;
}

export interface OpenedGuards {
  guards: Guards;
  /** What they go by. The caller starts and closes it, and is not ready before it was heard. */
  revocations: Revocations;
  /** What they tell. The caller closes it. */
  tokenUses: TokenUses;
}

/** Guards that believe the auth service. */
export function createGuards(options: GuardsOptions): OpenedGuards {
  const { auth, internalSecret, jwt, origins, counters, metrics, clock, log } = options;
  const revocations = createRevocations({ auth, internalSecret, clock, log });
  const tokenUses = createTokenUses({ auth, internalSecret, clock, metrics, log });
  const guards = {
    authenticate: createAuthenticate({ auth, ...jwt, clock, revocations, uses: tokenUses }),
    internalSecret,
    proofs: createProofs({ counters, internalSecret, origins, clock }),
    userLimit: createUserLimit(options.limiters, options.userPerMinute),
  };
  return { guards, revocations, tokenUses };
}

const MINUTE_MS = 60_000;

/** The limit that all operations of a user share, over all services. */
export function createUserLimit(limiters: Limiters, perMinute: number): Limiter {
  return limiters.limiter('user', { points: perMinute, windowMs: MINUTE_MS, whenGone: 'open' });
}

/** A request for admission. */
export interface Arrival {
  request: Pick<Request, 'method' | 'url' | 'headers'>;
  connection: Connection | undefined;
  /** What the endpoint says; left out, a bound session may come without a proof. */
  proof?: EndpointSpec['proof'];
  /** Whether it counts against the user's limit. */
  limited: boolean;
}

export interface Admission {
  caller: Caller;
  /** Of the user's limit, where the request counts against it. */
  standing?: Standing;
}

/**
 * Lets the holder of an access token in. Throws what `Authenticate`, `Proofs.check` and `Limiter.take` throw, and
 * `auth.proof-missing` where a bound session must prove its key and does not.
 */
export async function admit(guards: Guards, arrival: Arrival): Promise<Admission> {
  const { authenticate, proofs, userLimit } = guards;
  const { request, connection } = arrival;
  const { scheme, token } = accessToken(request.headers.get('authorization'));
  const caller = await authenticate(token);
  const isProven = request.headers.has(PROOF_HEADER);
  const { boundTo } = caller;
  if (!isProven && (scheme === 'dpop' || (boundTo !== undefined && arrival.proof !== undefined))) {
    throw new ApiError('auth.proof-missing');
  }
  const proof = isProven
    ? proofs.examine({ request, connection, token, ...(boundTo !== undefined && { jkt: boundTo }) })
    : undefined;
  // Both at once: one journey to the counters.
  const [isFirstUse, standing] = await Promise.all([
    proof === undefined ? false : mayUse(proofs.use(proof), arrival.proof !== undefined),
    arrival.limited ? userLimit.take(caller.user) : undefined,
  ]);
  return {
    // The key of a session that is bound to none says nothing about its holder.
    caller: { ...caller, proven: isFirstUse && boundTo !== undefined },
    ...(standing !== undefined && { standing }),
  };
}

/**
 * Where no proof is needed, not knowing whether this one was used before makes it none, and a dead Redis stops nobody
 * from reading messages: its token alone would have opened the endpoint as well.
 */
async function mayUse(using: Promise<void>, isNeeded: boolean): Promise<boolean> {
  try {
    await using;
    return true;
  } catch (error) {
    if (!isNeeded && error instanceof ApiError && error.code === 'service.unavailable')
      return false;
    throw error;
  }
}

export interface AccessTokenHeader {
  scheme: 'bearer' | 'dpop';
  /** Empty when there is none. */
  token: string;
}

/** What an Authorization header says (RFC 6750, RFC 9449 7.1). */
export function accessToken(header: string | null): AccessTokenHeader {
  const [, scheme, token = ''] = /^(Bearer|DPoP) +([^\s,]+)$/i.exec(header ?? '') ?? [];
  return { scheme: scheme?.toLowerCase() === 'dpop' ? 'dpop' : 'bearer', token };
}
