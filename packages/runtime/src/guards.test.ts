import { ApiError, DeviceId, endpoint, SessionId, UserId } from '@sotto/api';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import type { Caller } from './authenticate.ts';
import { createMemoryCounters } from './counters-memory.ts';
import { createUserLimit, type Guards } from './guards.ts';
import { problemOf } from './http.fixture.ts';
import { createApp } from './http.ts';
import { createLogger } from './log.ts';
import { createMetrics } from './metrics.ts';
import { mount } from './mount.ts';
import { makeProof, type ProofKey, proofKey } from './proof.fixture.ts';
import { createProofs, thumbprint } from './proof.ts';
import { anyOrigin } from './proof-origins.ts';
import { createLimiters } from './rate-limit.ts';

const SECRET = 'the secret between services, long enough';
const LIMIT = 3;

let key: ProofKey;
let other: ProofKey;
beforeAll(async () => {
  [key, other] = await Promise.all([proofKey(), proofKey()]);
});

const common = { service: 'auth', method: 'GET', status: 200, problems: [] } as const;
const response = z.object({ proven: z.boolean() });
const read = endpoint({ ...common, id: 'read', path: '/read', access: 'user', response });
const change = endpoint({
  ...common,
  ...{ id: 'change', path: '/change', access: 'user', proof: 'when-bound', response },
});
const apart = endpoint({
  ...common,
  ...{ id: 'apart', path: '/apart', access: 'user', limited: 'by-itself', response },
});
const open = endpoint({ ...common, id: 'open', path: '/open', access: 'anyone' });

/** A service whose tokens are `bound` and `unbound`, for one user each. */
function start(changes: Partial<Guards> = {}) {
  const counters = createMemoryCounters();
  onTestFinished(() => counters.close());
  const metrics = createMetrics('test');
  const guards: Guards = {
    async authenticate(token) {
      if (token === 'bound') {
        return { ...CALLER, boundTo: thumbprint(Buffer.from(key.jwk.x, 'base64url')) };
      }
      if (token === 'unbound') return { ...CALLER, user: OTHER_USER };
      throw new ApiError(token === '' ? 'auth.token-missing' : 'auth.token-invalid');
    },
    internalSecret: SECRET,
    proofs: createProofs({ counters, internalSecret: SECRET, origins: anyOrigin, clock: Date.now }),
    userLimit: createUserLimit(createLimiters({ counters, metrics }), LIMIT),
    ...changes,
  };
  const log = createLogger({ service: 'test', level: 'silent' });
  const app = createApp({ service: 'test', log, metrics });
  for (const one of [read, change, apart]) {
    mount(app, guards, one, async ({ caller }) => ({ proven: caller.proven }));
  }
  mount(app, guards, open, async () => {});
  const ask = async (path: string, authorization?: string, proof?: string) => {
    const headers = { ...(authorization && { authorization }), ...(proof && { dpop: proof }) };
    return app.fetch(new Request(`http://service${path}`, { headers }));
  };
  const prove = (path: string, token?: string, by = key) =>
    makeProof({
      ...{ key: by, url: `http://service${path}`, nonce: guards.proofs.nonce() },
      ...(token !== undefined && { token }),
    });
  return { guards, ask, prove };
}

const USER = UserId.parse('00000000-0000-4000-8000-000000000001');
const OTHER_USER = UserId.parse('00000000-0000-4000-8000-000000000004');
const CALLER: Caller = {
  user: USER,
  device: DeviceId.parse('00000000-0000-4000-8000-000000000002'),
  session: SessionId.parse('00000000-0000-4000-8000-000000000003'),
  expiresAt: Date.now() + 900_000,
  authenticatedAt: 0,
  proven: false,
};

test('a bound session reads without a proof and changes nothing without one', async () => {
  const { ask, prove } = start();
  expect(await (await ask('/read', 'Bearer bound')).json()).toEqual({ proven: false });
  const refused = await ask('/change', 'Bearer bound');
  expect(refused.headers.get('www-authenticate')).toMatch(/^DPoP /);
  expect((await problemOf(refused)).code).toBe('auth.proof-missing');
  const changed = await ask('/change', 'DPoP bound', await prove('/change', 'bound'));
  expect(await changed.json()).toEqual({ proven: true });
});

test('a session that is bound to no key needs none, and a proof by any key proves nothing', async () => {
  const { ask, prove } = start();
  expect((await ask('/change', 'Bearer unbound')).status).toBe(200);
  const answer = await ask('/change', 'Bearer unbound', await prove('/change', 'unbound', other));
  expect(await answer.json()).toEqual({ proven: false });
});

test('the scheme DPoP wants a proof wherever it is used', async () => {
  const { ask } = start();
  expect((await problemOf(await ask('/read', 'DPoP unbound'))).code).toBe('auth.proof-missing');
});

test.each(['/read', '/change'])('at %s a proof that is there is checked in full', async (path) => {
  const { ask, prove } = start();
  const proofs = [
    await prove(path, 'bound', other),
    await prove(path),
    await prove(path, 'unbound'),
    await prove('/elsewhere', 'bound'),
    'hello',
  ];
  for (const proof of proofs) {
    const refused = await ask(path, 'Bearer bound', proof);
    expect((await problemOf(refused)).code).toBe('auth.proof-invalid');
  }
  const proof = await prove(path, 'bound');
  expect(await (await ask(path, 'Bearer bound', proof)).json()).toEqual({ proven: true });
  const again = await problemOf(await ask(path, 'Bearer bound', proof));
  expect(again.code).toBe('auth.proof-invalid');
});

test('every answer to a request with a proof has the next nonce, also a refusal and at an open door', async () => {
  const { guards, ask, prove } = start();
  const nonce = guards.proofs.nonce();
  for (const [path, authorization, proof] of [
    ['/read', 'DPoP bound', await prove('/read', 'bound')],
    ['/read', 'DPoP bound', 'hello'],
    ['/read', 'DPoP wrong', 'hello'],
    ['/open', undefined, await prove('/open')],
  ] as const) {
    const answer = await ask(path, authorization, proof);
    expect(answer.headers.get('dpop-nonce')).toBe(nonce);
  }
  expect((await ask('/read', 'Bearer bound')).headers.has('dpop-nonce')).toBe(false);
});

test('while uses cannot be counted a bound session reads on, unproven, and changes nothing', async () => {
  const claim = () => Promise.reject(new ApiError('service.unavailable', { retryAfter: 1 }));
  const proofs = createProofs({
    ...{ counters: { claim }, internalSecret: SECRET, origins: anyOrigin, clock: Date.now },
  });
  const { ask, prove } = start({ proofs });
  const answer = await ask('/read', 'DPoP bound', await prove('/read', 'bound'));
  expect(await answer.json()).toEqual({ proven: false });
  const refused = await problemOf(
    await ask('/change', 'DPoP bound', await prove('/change', 'bound')),
  );
  expect(refused.code).toBe('service.unavailable');
});

test("a user's requests are limited together, whatever they are for, and each says what is left", async () => {
  const { ask } = start();
  for (const [turn, path] of ['/read', '/change', '/read'].entries()) {
    const answer = await ask(path, 'Bearer unbound');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('ratelimit-limit')).toBe(String(LIMIT));
    expect(answer.headers.get('ratelimit-remaining')).toBe(String(LIMIT - turn - 1));
    expect(Number(answer.headers.get('ratelimit-reset'))).toBeGreaterThan(50);
  }
  const refused = await ask('/read', 'Bearer unbound');
  expect(refused.headers.get('ratelimit-remaining')).toBe('0');
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(50);
  expect((await problemOf(refused)).code).toBe('rate.limited');
  // Those of another user, those that have a limit of their own, and those of nobody go on.
  expect((await ask('/read', 'Bearer bound')).status).toBe(200);
  const apartAnswer = await ask('/apart', 'Bearer unbound');
  expect(apartAnswer.status).toBe(200);
  expect(apartAnswer.headers.has('ratelimit-limit')).toBe(false);
  expect((await ask('/open')).status).toBe(200);
});

test('who is not let in uses up nothing of anybody', async () => {
  const { ask } = start();
  for (let times = 0; times < LIMIT + 1; times++) {
    expect((await ask('/read', 'Bearer wrong')).status).toBe(401);
    expect((await ask('/read')).status).toBe(401);
    expect((await ask('/change', 'Bearer bound')).status).toBe(401);
  }
  expect((await ask('/read', 'Bearer bound')).status).toBe(200);
});
