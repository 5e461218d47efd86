/**
 * Proof that a request was made by the holder of a device key (DPoP, RFC 9449): a JWT in the `DPoP` header, signed for
 * this method, this URL and this access token, now, and once.
 *
 * The nonce is not stored: it is a MAC of the minute, which every service makes alike from the internal secret. What
 * must be shared is which proofs were used; where that cannot be known no proof is taken.
 */
import {
  createHmac,
  createPublicKey,
  createSecretKey,
  hash,
  hkdfSync,
  type KeyObject,
  verify,
} from 'node:crypto';
import { ApiError, PROOF_SECONDS } from '@sotto/api';
import { z } from 'zod';
import type { Counters } from './counters.ts';
import { PROOF_BYTES_MAX, PROOF_NONCE_MS } from './limits.ts';
import { ProblemWithHeaders } from './problem-response.ts';
import type { ProofOrigins } from './proof-origins.ts';
import type { Clock, Connection } from './service.ts';

/** Where a client puts its proof, and where it finds the nonce for the next one. */
export const PROOF_HEADER = 'dpop';
export const PROOF_NONCE_HEADER = 'dpop-nonce';

export interface ProofInput {
  request: Pick<Request, 'method' | 'url' | 'headers'>;
  connection: Connection | undefined;
  /** The access token that the request carries: the proof must name it. */
  token?: string;
  /** The key that the proof must be by, as `cnf.jkt` of a token says it. */
  jkt?: string;
}

/** A key that its holder has proven to have. */
export interface Proof {
  /** Its thumbprint (RFC 7638), which bound tokens carry. */
  jkt: string;
  /** Ed25519, 32 bytes. */
  deviceKey: Uint8Array<ArrayBuffer>;
}

/** A proof that is right, and of which nobody has said yet whether it was used before. */
export interface UnusedProof extends Proof {
  /** Which of its key's proofs this is. */
  id: string;
}

export interface Proofs {
  /**
   * Checks the request's proof and uses it up. Throws `auth.proof-missing` without one, `auth.proof-nonce` with the
   * nonce to use, `auth.proof-invalid` for all else, a second use too, and `service.unavailable` when it cannot be
   * known whether this is the first.
   */
  check(input: ProofInput): Promise<Proof>;
  /** The first half of `check`: everything but the second use. */
  examine(input: ProofInput): UnusedProof;
  /** The second half. */
  use(proof: UnusedProof): Promise<void>;
  /** For the answer to a request that carries a proof: what the next one is to contain. */
  nonce(): string;
}

export interface ProofsOptions {
  counters: Pick<Counters, 'claim'>;
  internalSecret: string;
  origins: ProofOrigins;
  clock: Clock;
}

const Header = z.object({
  typ: z.literal('dpop+jwt'),
  alg: z.literal('EdDSA'),
  jwk: z.object({
    kty: z.literal('OKP'),
    crv: z.literal('Ed25519'),
    x: z.string().length(43),
    d: z.undefined().optional(),
  }),
  crit: z.undefined().optional(),
});

const Claims = z.object({
  jti: z.string().min(1).max(128),
  htm: z.string(),
  htu: z.url(),
  /** Seconds since 1970. */
  iat: z.int(),
  nonce: z.string().optional(),
  ath: z.string().optional(),
});

/** How long a proof could be good for: from the earliest moment that its time allows to the latest, and clocks differ. */
const PROOF_LIFE_MS = (2 * PROOF_SECONDS + 15) * 1000;

/** Checks of proofs that every service with the same secret and counters makes alike. */
export function createProofs(options: ProofsOptions): Proofs {
  const { counters, origins, clock } = options;
  const nonces = createNonces(options.internalSecret, clock);

  function examine({ request, connection, token, jkt }: ProofInput): UnusedProof {
    const { deviceKey, claims } = open(request.headers.get(PROOF_HEADER));
    const proof = { jkt: thumbprint(deviceKey), deviceKey, id: claims.jti };
    if (jkt !== undefined && proof.jkt !== jkt) throw invalid('it is by another key');
    if (claims.htm !== request.method) throw invalid('htm is another method');
    const called = new URL(request.url);
    const named = new URL(claims.htu);
    if (named.pathname !== called.pathname) throw invalid('htu is another address');
    if (!origins(named.origin, connection?.origin ?? called.origin)) throw invalid(ELSEWHERE);
    if (token !== undefined && claims.ath !== hash('sha256', token, 'base64url')) {
      throw invalid('ath is of another token');
    }
    if (claims.nonce === undefined || !nonces.knows(claims.nonce)) {
      throw new ProblemWithHeaders('auth.proof-nonce', { [PROOF_NONCE_HEADER]: nonces.current() });
    }
    if (Math.abs(clock() - claims.iat * 1000) > PROOF_SECONDS * 1000) {
      throw invalid('iat is too far from now');
    }
    return proof;
  }

  async function use({ jkt, id }: UnusedProof): Promise<void> {
    const key = `proof:${hash('sha256', `${jkt} ${id}`, 'base64url')}`;
    if (!(await counters.claim(key, PROOF_LIFE_MS))) throw invalid('it was used before');
  }

  return {
    examine,
    use,
    async check(input) {
      const proof = examine(input);
      await use(proof);
      return { jkt: proof.jkt, deviceKey: proof.deviceKey };
    },
    nonce: nonces.current,
  };
}

const ELSEWHERE =
  'htu is at an origin that was not called, or that the platform does not go by: its operator names those that it does in PUBLIC_ORIGINS';

/** Says which part is wrong, for the developer of a client: whoever reads it made the proof. */
function invalid(detail: string): ApiError {
  return new ApiError('auth.proof-invalid', { detail });
}

/** A JWS in compact form with a signature of 64 bytes. Two headers are one value with a comma, which is none. */
const COMPACT = /^([\w-]+)\.([\w-]+)\.([\w-]{86})$/;

interface OpenedProof {
  deviceKey: Uint8Array<ArrayBuffer>;
  claims: z.infer<typeof Claims>;
}

/** The content, once its signature is found to be by the key that it names. */
function open(text: string | null): OpenedProof {
  if (text === null) throw new ApiError('auth.proof-missing');
  const [, header, payload, signature] =
    (text.length <= PROOF_BYTES_MAX && COMPACT.exec(text)) || [];
  if (header === undefined || payload === undefined || signature === undefined) {
    throw invalid('it is no signed JWT');
  }
  const { jwk } = parse(Header, header, 'its header is not that of a proof');
  const deviceKey = new Uint8Array(Buffer.from(jwk.x, 'base64url'));
  // A second spelling of the same bytes would be a second thumbprint of the same key.
  if (Buffer.from(deviceKey).toString('base64url') !== jwk.x)
    throw invalid('its key is not encoded well');
  const key = createPublicKey({ key: { kty: jwk.kty, crv: jwk.crv, x: jwk.x }, format: 'jwk' });
  const signed = Buffer.from(`${header}.${payload}`);
  if (!verify(null, signed, key, Buffer.from(signature, 'base64url'))) {
    throw invalid('its signature does not verify');
  }
  return { deviceKey, claims: parse(Claims, payload, 'a claim is missing or malformed') };
}

function parse<S extends z.ZodType>(schema: S, part: string, problem: string): z.output<S> {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  } catch {
    throw invalid(problem);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw invalid(problem);
  return parsed.data;
}

/** The thumbprint of an Ed25519 key (RFC 7638, RFC 8037 A.3), as `cnf.jkt` has it. */
export function thumbprint(deviceKey: Uint8Array): string {
  const x = Buffer.from(deviceKey).toString('base64url');
  return hash('sha256', `{"crv":"Ed25519","kty":"OKP","x":"${x}"}`, 'base64url');
}

interface Nonces {
  current(): string;
  knows(nonce: string): boolean;
}

function createNonces(internalSecret: string, clock: Clock): Nonces {
  const key = createSecretKey(
    new Uint8Array(hkdfSync('sha256', internalSecret, '', 'sotto/v1/proof-nonce', 32)),
  );
  let window = Number.NaN;
  let good: readonly string[] = [];

  /** That of now, of a minute ago, and of a service whose clock is ahead. */
  function refresh(): void {
    const now = Math.floor(clock() / PROOF_NONCE_MS);
    if (now === window) return;
    window = now;
    good = [now, now - 1, now + 1].map((one) => nonceOf(key, one));
  }

  return {
    current() {
      refresh();
      return good[0] ?? '';
    },
    knows(nonce) {
      refresh();
      return good.includes(nonce);
    },
  };
}

function nonceOf(key: KeyObject, window: number): string {
  return createHmac('sha256', key)
    .update(String(window))
    .digest()
    .subarray(0, 16)
    .toString('base64url');
}
