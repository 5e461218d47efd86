import { createHmac } from 'node:crypto';
import { ApiError } from '@sotto/api';
import { calculateJwkThumbprint } from 'jose';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createMemoryCounters } from './counters-memory.ts';
import { PROOF_NONCE_MS } from './limits.ts';
import { ProblemWithHeaders } from './problem-response.ts';
import { makeProof, type ProofContent, type ProofKey, proofKey } from './proof.fixture.ts';
import { createProofs, type ProofInput, type Proofs, type ProofsOptions } from './proof.ts';
import { anyOrigin } from './proof-origins.ts';

const SECRET = 'the secret between services, long enough';
const URL_CALLED = 'http://chat.example.org/api/v1/auth/password';

let key: ProofKey;
let other: ProofKey;
beforeAll(async () => {
  [key, other] = await Promise.all([proofKey(), proofKey()]);
});

function proofs(options: Partial<ProofsOptions> = {}): Proofs {
  const counters = createMemoryCounters();
  onTestFinished(() => counters.close());
  const rest = { internalSecret: SECRET, origins: anyOrigin, clock: Date.now };
  return createProofs({ counters, ...rest, ...options });
}

/** A request that carries these proofs. */
function arriving(given: string | string[], url = URL_CALLED, method = 'GET'): ProofInput {
  const headers = new Headers();
  for (const proof of [given].flat()) headers.append('DPoP', proof);
  return { request: new Request(url, { method, headers }), connection: undefined };
}

async function made(from: Proofs, changes: Partial<ProofContent> = {}): Promise<string> {
  return makeProof({ key, url: URL_CALLED, nonce: from.nonce(), ...changes });
}

describe('a request proof', () => {
  test('proves the key that it names', async () => {
    const here = proofs();
    const proof = await here.check(arriving(await made(here)));
    expect(proof.jkt).toBe(await calculateJwkThumbprint(key.jwk));
    expect(Buffer.from(proof.deviceKey).toString('base64url')).toBe(key.jwk.x);
  });

  test('is good for its token, its key and its method, whatever the query', async () => {
    const here = proofs();
    const url = `${URL_CALLED}?limit=3`;
    const proof = await made(here, { token: 'a token', method: 'POST' });
    const jkt = await calculateJwkThumbprint(key.jwk);
    await here.check({ ...arriving(proof, url, 'POST'), token: 'a token', jkt });
  });

  test('is wanted', async () => {
    await expect(proofs().check(arriving([]))).rejects.toMatchObject({
      code: 'auth.proof-missing',
    });
  });

  const now = () => Math.floor(Date.now() / 1000);
  const wrong: [string, Partial<ProofContent>, Partial<ProofInput>?][] = [
    ['is for another method', { method: 'POST' }],
    ['is for another path', { url: 'http://chat.example.org/api/v1/auth/me' }],
    ['is for a path below', { url: `${URL_CALLED}/x` }],
    ['is for another host', { url: 'http://evil.example.org/api/v1/auth/password' }],
    ['is for another scheme', { url: 'https://chat.example.org/api/v1/auth/password' }],
    ['is for another port', { url: 'http://chat.example.org:81/api/v1/auth/password' }],
    ['names no address', { claims: { htu: '/api/v1/auth/password' } }],
    ['is too old', { claims: { iat: now() - 32 } }],
    ['is from the future', { claims: { iat: now() + 32 } }],
    ['has no time', { claims: { iat: undefined } }],
    ['has a time that is none', { claims: { iat: 'now' } }],
    ['has no id', { claims: { jti: undefined } }],
    ['has an id of any length', { claims: { jti: 'x'.repeat(129) } }],
    ['has no method', { claims: { htm: undefined } }],
    ['names no token', {}, { token: 'a token' }],
    ['names another token', { token: 'another' }, { token: 'a token' }],
    ['is by another key than the session', {}, { jkt: 'x'.repeat(43) }],
    ['is another kind of token', { header: { typ: 'at+jwt' } }],
    ['has no type', { header: { typ: undefined } }],
    ['has no key', { header: { jwk: undefined } }],
    ['wants an extension understood', { header: { crit: ['x'], x: 1 } }],
  ];

  test.each(wrong)('that %s is refused', async (_, changes, expected = {}) => {
    const here = proofs();
    // jose itself refuses to sign for an extension that it does not know.
    const proof = changes.header?.crit
      ? await byHand(here, { crit: ['x'], x: 1 })
      : await made(here, changes);
    await refused(here.check({ ...arriving(proof), ...expected }));
  });

  test.each([
    [
      'signed by another key',
      async (here: Proofs) => made(here, { key: { ...other, jwk: key.jwk } }),
    ],
    [
      'with a private key in it',
      (here: Proofs) => made(here, { header: { jwk: { ...key.jwk, d: key.jwk.x } } }),
    ],
    [
      'with a key of another kind',
      (here: Proofs) => made(here, { header: { jwk: { kty: 'oct', k: key.jwk.x } } }),
    ],
    [
      'with another curve',
      (here: Proofs) => made(here, { header: { jwk: { ...key.jwk, crv: 'X25519' } } }),
    ],
    [
      'with a second spelling of its key',
      (here: Proofs) => made(here, { header: { jwk: { ...key.jwk, x: respelled(key.jwk.x) } } }),
    ],
    ['without a signature', async (here: Proofs) => (await made(here)).replace(/[^.]+$/, '')],
    ['with half of a signature', async (here: Proofs) => (await made(here)).slice(0, -43)],
    ['that was changed', async (here: Proofs) => flip(await made(here))],
    ['by no algorithm', (here: Proofs) => byHand(here, { alg: 'none' })],
    ['by a MAC over the public key', (here: Proofs) => byHand(here, { alg: 'HS256' })],
    ['that is no token', async () => 'hello'],
    ['that is empty', async () => ''],
    ['that is JSON', async () => '{}'],
    ['of any length', (here: Proofs) => made(here, { claims: { x: 'x'.repeat(5_000) } })],
  ] as const)('%s is refused', async (_, make) => {
    const here = proofs();
    await refused(here.check(arriving(await make(here))));
  });

  test('is one, not two', async () => {
    const here = proofs();
    await refused(here.check(arriving([await made(here), await made(here)])));
  });

  test('is good once, of many uses at one time too, and another of the same id by another key', async () => {
    const here = proofs();
    const claims = { jti: 'one' };
    const proof = await made(here, { claims });
    const uses = await Promise.allSettled(
      Array.from({ length: 20 }, () => here.check(arriving(proof))),
    );
    expect(uses.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await here.check(arriving(await made(here, { key: other, claims })));
  });

  test('cannot be told from a second use without counters, and is not taken then', async () => {
    const claim = () => Promise.reject(new ApiError('service.unavailable', { retryAfter: 1 }));
    const here = proofs({ counters: { claim } });
    await expect(here.check(arriving(await made(here)))).rejects.toMatchObject({
      code: 'service.unavailable',
    });
  });
});

describe('the address that a proof names', () => {
  test('is the one that the client called, which only the gateway knows', async () => {
    const here = proofs();
    const url = 'https://chat.example.org/api/v1/auth/password';
    const connection = { remoteAddress: '203.0.113.7', origin: 'https://chat.example.org' };
    await here.check({ ...arriving(await made(here, { url })), connection });
    await refused(here.check({ ...arriving(await made(here)), connection }));
  });

  test('is one that the platform goes by, whatever the request says', async () => {
    const origins = (named: string) => named === 'https://a.example';
    const here = proofs({ origins });
    const url = 'https://a.example/api/v1/auth/password';
    await here.check(arriving(await made(here, { url })));
    const refusal = here.check(arriving(await made(here)));
    await refused(refusal);
    const error = await refusal.catch((thrown: unknown) => thrown);
    if (!(error instanceof ApiError)) throw error;
    expect(error.options.detail).toContain('PUBLIC_ORIGINS');
    expect(error.options.detail).not.toContain('example');
  });
});

describe('the nonce of a proof', () => {
  test.each([
    ['missing', {}],
    ['made up', { nonce: 'AAAAAAAAAAAAAAAAAAAAAA' }],
  ])('that is %s is answered with the one to use', async (_, claims) => {
    const here = proofs();
    const proof = await made(here, { claims: { nonce: undefined, ...claims } });
    const error = await here.check(arriving(proof)).catch((thrown: unknown) => thrown);
    if (!(error instanceof ProblemWithHeaders)) throw error;
    expect(error.code).toBe('auth.proof-nonce');
    const nonce = error.headers['dpop-nonce'] ?? '';
    await here.check(arriving(await made(here, { nonce })));
  });

  test('is known to every service with the secret, for a minute after it was replaced', async () => {
    let now = Math.floor(Date.now() / PROOF_NONCE_MS) * PROOF_NONCE_MS;
    const [here, there] = [proofs({ clock: () => now }), proofs({ clock: () => now })];
    const nonce = here.nonce();
    const check = () =>
      makeProof({ key, url: URL_CALLED, nonce, claims: { iat: Math.floor(now / 1000) } }).then(
        (proof) => there.check(arriving(proof)),
      );
    await check();
    now += PROOF_NONCE_MS;
    expect(here.nonce()).not.toBe(nonce);
    await check();
    now += PROOF_NONCE_MS;
    await expect(check()).rejects.toMatchObject({ code: 'auth.proof-nonce' });
  });

  test('of another secret is not', async () => {
    const elsewhere = proofs({ internalSecret: 'another secret, also long enough' });
    const here = proofs();
    await expect(here.check(arriving(await made(elsewhere)))).rejects.toMatchObject({
      code: 'auth.proof-nonce',
    });
  });
});

async function refused(work: Promise<unknown>): Promise<void> {
  await expect(work).rejects.toMatchObject({ code: 'auth.proof-invalid' });
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** What no library signs. */
async function byHand(here: Proofs, header: Record<string, unknown>): Promise<string> {
  const [, payload = '', signature = ''] = (await made(here)).split('.');
  const head = encode({ typ: 'dpop+jwt', alg: 'EdDSA', jwk: key.jwk, ...header });
  if (header.alg !== 'HS256') return `${head}.${payload}.${signature}`;
  const secret = Buffer.from(key.jwk.x, 'base64url');
  const mac = createHmac('sha512', secret).update(`${head}.${payload}`).digest('base64url');
  return `${head}.${payload}.${mac}`;
}

/** The last character of 32 bytes in base64url has two bits that mean nothing. */
function respelled(x: string): string {
  const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return x.slice(0, -1) + ALPHABET[ALPHABET.indexOf(x.at(-1) ?? '') + 1];
}

/** With another character in the middle of the payload. */
function flip(proof: string): string {
  const at = Math.floor(proof.length / 2);
  return proof.slice(0, at) + (proof[at] === 'A' ? 'B' : 'A') + proof.slice(at + 1);
}
