/**
 * Request proofs (DPoP, RFC 9449): who calls shows that it holds the device key, over this method, this address and
 * this moment. What a platform says of its nonce and its clock is taken from every answer, and a proof that failed for
 * one of the two is made again, once for each.
 */
import { ApiError, encodeBase64url, type ProblemCode } from '@sotto/api';
import type { Provider } from '@sotto/crypto';
import { CLOCK_SKEW_MS_IGNORED } from '../limits.ts';
import type { DeviceKey } from './device-key.ts';

/** What a proof is of. */
export interface ProvenRequest {
  readonly method: string;
  readonly url: URL;
  /** The access token that goes with it, to which the proof is bound. */
  readonly token?: string;
}

/** Proofs for one platform. */
export interface Prover {
  /** Runs `attempt` with a proof, and again with another one after a refusal that names a nonce or shows a clock. */
  prove<T>(request: ProvenRequest, attempt: (proof: string) => Promise<T>): Promise<T>;
  /** Remembers what an answer says of the platform's nonce and clock. */
  learn(headers: Headers): void;
}

export interface ProverOptions {
  readonly provider: Provider;
  readonly deviceKey: () => Promise<DeviceKey>;
  readonly clock: () => number;
}

/** A prover that knows no nonce and takes the platform's clock for this machine's. */
export function createProver({ provider, deviceKey, clock }: ProverOptions): Prover {
  let nonce: string | undefined;
  let skewMs = 0;

  async function sign({ method, url, token }: ProvenRequest): Promise<string> {
    const key = await deviceKey();
    const x = encodeBase64url(key.publicKey);
    const header = { typ: 'dpop+jwt', alg: 'EdDSA', jwk: { kty: 'OKP', crv: 'Ed25519', x } };
    const payload = {
      jti: encodeBase64url(provider.randomBytes(16)),
      htm: method,
      htu: url.origin + url.pathname,
      iat: Math.floor((clock() + skewMs) / 1000),
      ...(nonce !== undefined && { nonce }),
      ...(token !== undefined && { ath: encodeBase64url(provider.sha256(utf8(token))) }),
    };
    const signed = `${encodeJson(header)}.${encodeJson(payload)}`;
    // Begins with a brace in base64url and so never with a label: no other signature of this key can be one of these.
    return `${signed}.${encodeBase64url(await key.sign(utf8(signed)))}`;
  }

  return {
    async prove(request, attempt) {
      const mended = new Set<ProblemCode>();
      for (;;) {
        const before = { nonce, skewMs };
        try {
          return await attempt(await sign(request));
        } catch (error) {
          const code = error instanceof ApiError ? error.code : undefined;
          const isMendable =
            (code === 'auth.proof-nonce' && nonce !== before.nonce) ||
            (code === 'auth.proof-invalid' && skewMs !== before.skewMs);
          if (code === undefined || !isMendable || mended.has(code)) throw error;
          mended.add(code);
        }
      }
    },
    learn(headers) {
      nonce = headers.get('dpop-nonce') ?? nonce;
      // Whole seconds, and as old as the way back: only what is clearly wrong is put right.
      const platformMs = Date.parse(headers.get('date') ?? '');
      if (Number.isNaN(platformMs)) return;
      const measuredMs = platformMs - clock();
      if (Math.abs(measuredMs - skewMs) > CLOCK_SKEW_MS_IGNORED) skewMs = measuredMs;
    },
  };
}

const encoder = new TextEncoder();

function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

function encodeJson(value: unknown): string {
  return encodeBase64url(utf8(JSON.stringify(value)));
}
