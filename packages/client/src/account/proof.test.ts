import { webcrypto } from 'node:crypto';
import { ApiError, decodeBase64url, encodeBase64url, type ProblemCode } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { expect, test } from 'vitest';
import { openMemoryStore } from '../store/store-memory.ts';
import { type DeviceKey, loadDeviceKey } from './device-key.ts';
import { createProver, type ProvenRequest, type Prover } from './proof.ts';

const NOW = 1_700_000_000_000;
const REQUEST: ProvenRequest = {
  method: 'POST',
  url: new URL('https://chat.example.org/api/v1/keys/identity?after=1#top'),
};

test('a proof is a JWT of the device key over method, address without query, time and token', async () => {
  const { prover, key } = await proverAt(() => NOW + 999);
  const [first, second] = [await proofOf(prover), await proofOf(prover, { token: 'a.b.c' })];
  const { header, payload } = await verified(first, key);
  const x = encodeBase64url(key.publicKey);
  expect(header).toEqual({ typ: 'dpop+jwt', alg: 'EdDSA', jwk: { kty: 'OKP', crv: 'Ed25519', x } });
  expect(payload).toEqual({
    jti: expect.stringMatching(/^[\w-]{22}$/),
    htm: 'POST',
    htu: 'https://chat.example.org/api/v1/keys/identity',
    iat: NOW / 1000,
  });
  const digest = await webcrypto.subtle.digest('SHA-256', new TextEncoder().encode('a.b.c'));
  const bound = (await verified(second, key)).payload;
  expect(bound.ath).toBe(encodeBase64url(new Uint8Array(digest)));
  expect(bound.jti).not.toBe(payload.jti);
});

test('the nonce of any answer goes into the next proof, and a refused one is replaced at once', async () => {
  const { prover, key } = await proverAt(() => NOW);
  prover.learn(new Headers({ 'dpop-nonce': 'one' }));
  const seen: unknown[] = [];
  const answer = await prover.prove(REQUEST, async (proof) => {
    seen.push((await verified(proof, key)).payload.nonce);
    if (seen.length > 1) return 'done';
    prover.learn(new Headers({ 'dpop-nonce': 'two' }));
    throw new ApiError('auth.proof-nonce');
  });
  expect(answer).toBe('done');
  expect(seen).toEqual(['one', 'two']);
  prover.learn(new Headers());
  expect((await verified(await proofOf(prover), key)).payload.nonce).toBe('two');
});

test.each([
  ['refuses every nonce', 'auth.proof-nonce', () => ({ 'dpop-nonce': String(Math.random()) }), 2],
  ['names no nonce', 'auth.proof-nonce', () => ({}), 1],
  ['refuses proofs of the right time', 'auth.proof-invalid', () => dateOf(NOW + 1_500), 1],
  ['asks for something else', 'auth.fresh-needed', () => ({ 'dpop-nonce': 'new' }), 1],
] as const)('a platform that %s is not asked for ever', async (_, code, headers, attempts) => {
  const { prover } = await proverAt(() => NOW);
  let count = 0;
  const refused = prover.prove(REQUEST, async () => {
    count += 1;
    prover.learn(new Headers(headers() as Record<string, string>));
    throw new ApiError(code as ProblemCode);
  });
  await expect(refused).rejects.toMatchObject({ code });
  expect(count).toBe(attempts);
});

test.each([-600_000, 600_000])('a clock that is off by %i ms is put right', async (offMs) => {
  const { prover, key } = await proverAt(() => NOW + offMs);
  const times: unknown[] = [];
  await prover.prove(REQUEST, async (proof) => {
    const { iat } = (await verified(proof, key)).payload;
    times.push(iat);
    prover.learn(new Headers(dateOf(NOW)));
    if (Math.abs(Number(iat) - NOW / 1000) > 30) throw new ApiError('auth.proof-invalid');
  });
  expect(times).toEqual([(NOW + offMs) / 1000, NOW / 1000]);
});

test('a clock that is put right stays right when it is set', async () => {
  let now = NOW + 600_000;
  const { prover, key } = await proverAt(() => now);
  prover.learn(new Headers(dateOf(NOW)));
  now = NOW + 60_000;
  prover.learn(new Headers(dateOf(NOW + 60_000)));
  expect((await verified(await proofOf(prover), key)).payload.iat).toBe((NOW + 60_000) / 1000);
});

function dateOf(ms: number): Record<string, string> {
  return { date: new Date(ms).toUTCString() };
}

async function proverAt(clock: () => number): Promise<{ prover: Prover; key: DeviceKey }> {
  const key = await loadDeviceKey(openMemoryStore(), nodeProvider);
  const deviceKey = () => Promise.resolve(key);
  return { key, prover: createProver({ provider: nodeProvider, deviceKey, clock }) };
}

function proofOf(prover: Prover, given: Partial<ProvenRequest> = {}): Promise<string> {
  return prover.prove({ ...REQUEST, ...given }, (proof) => Promise.resolve(proof));
}

/** The parts of a proof whose signature verifies under the key that it names itself, which is the device's. */
async function verified(proof: string, { publicKey }: DeviceKey) {
  const [header = '', payload = '', signature = ''] = proof.split('.');
  const named = partOf(header) as { jwk: webcrypto.JsonWebKey & { x: string } };
  expect(decodeBase64url(named.jwk.x)).toEqual(publicKey);
  const { subtle } = webcrypto;
  const key = await subtle.importKey('jwk', named.jwk, 'Ed25519', false, ['verify']);
  const signed = new TextEncoder().encode(`${header}.${payload}`);
  const isGood = await subtle.verify('Ed25519', key, decodeBase64url(signature).slice(), signed);
  expect(isGood).toBe(true);
  return { header: named, payload: partOf(payload) };
}

function partOf(text: string): Record<string, unknown> {
  return JSON.parse(new TextDecoder().decode(decodeBase64url(text)));
}
