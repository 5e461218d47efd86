import { jwks, SessionId } from '@sotto/api';
import { exportJWK, type GenerateKeyPairResult, generateKeyPair, SignJWT } from 'jose';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { type AuthenticateOptions, createAuthenticate } from './authenticate.ts';
import { createApp } from './http.ts';
import { KEY_SET_AGE_MS, KEY_SET_REFETCH_MS } from './limits.ts';
import { createLogger } from './log.ts';
import { createMetrics } from './metrics.ts';
import { mount } from './mount.ts';
import type { Fetch } from './service.ts';
import { testGuards } from './testing.ts';

const NOW = Date.parse('2026-11-21T00:00:00Z');
const USER = '00000000-0000-4000-8000-000000000001';
const DEVICE = '00000000-0000-4000-8000-000000000002';
const SESSION = SessionId.parse('00000000-0000-4000-8000-000000000003');

let pair: GenerateKeyPairResult;
let other: GenerateKeyPairResult;
beforeAll(async () => {
  pair = await generateKeyPair('EdDSA', { extractable: true });
  other = await generateKeyPair('EdDSA', { extractable: true });
});

/** An auth service that publishes these keys, and counts how often it is asked. */
function authService(keys: () => Promise<Record<string, GenerateKeyPairResult>>) {
  const log = createLogger({ service: 'auth', level: 'silent' });
  const app = createApp({ service: 'auth', log, metrics: createMetrics('auth') });
  const guards = testGuards('unused');
  mount(app, guards, jwks, async () => {
    const entries = Object.entries(await keys()).map(async ([kid, { publicKey }]) => {
      const { x = '' } = await exportJWK(publicKey);
      return { kty: 'OKP', crv: 'Ed25519', x, kid, alg: 'EdDSA', use: 'sig' } as const;
    });
    return { keys: await Promise.all(entries) };
  });
  return vi.fn<Fetch>((request) => app.fetch(request));
}

function authenticator(options: Partial<AuthenticateOptions> = {}) {
  const auth = authService(async () => ({ one: pair }));
  const authenticate = createAuthenticate({
    auth,
    issuer: 'sotto',
    audience: 'sotto',
    clock: () => NOW,
    revocations: { has: () => false },
    ...options,
  });
  return { auth, authenticate };
}

interface Forgery {
  header?: Record<string, unknown>;
  claims?: Record<string, unknown>;
  key?: CryptoKey;
}

function token({ header = {}, claims = {}, key = pair.privateKey }: Forgery = {}): Promise<string> {
  const iat = NOW / 1000;
  return new SignJWT({
    iss: 'sotto',
    aud: 'sotto',
    sub: USER,
    did: DEVICE,
    sid: SESSION,
    iat,
    exp: iat + 900,
    ...claims,
  })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: 'one', ...header })
    .sign(key);
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('an access token', () => {
  test('is told to have been used once, with the generation that it names, unless it is no good', async () => {
    const note = vi.fn();
    const { authenticate } = authenticator({ uses: { note } });
    const good = await token({ claims: { gen: 3 } });
    await expect(authenticate(await token({ key: other.privateKey }))).rejects.toThrow();
    for (let times = 0; times < 3; times++) await authenticate(good);
    expect(note.mock.calls).toEqual([[{ session: SESSION, generation: 3 }]]);
  });

  test('that is valid gives its caller', async () => {
    const { authenticate } = authenticator();
    const caller = {
      user: USER,
      device: DEVICE,
      session: SESSION,
      expiresAt: NOW + 900_000,
      authenticatedAt: 0,
      proven: false,
    };
    expect(await authenticate(await token())).toEqual(caller);
  });

  test('that is missing or expired is told as such', async () => {
    const { authenticate } = authenticator();
    await expect(authenticate('')).rejects.toMatchObject({ code: 'auth.token-missing' });
    const expired = await token({ claims: { exp: NOW / 1000 - 1 } });
    await expect(authenticate(expired)).rejects.toMatchObject({ code: 'auth.token-expired' });
  });

  const forgeries: [string, () => Promise<string> | string][] = [
    ['is no token', () => 'hello'],
    ['is signed by another key', () => token({ key: other.privateKey })],
    ['names a key that nobody has', () => token({ header: { kid: 'two' } })],
    ['names no key', () => token({ header: { kid: undefined } })],
    ['is of another type', () => token({ header: { typ: 'JWT' } })],
    ['is for another audience', () => token({ claims: { aud: 'other' } })],
    ['is from another issuer', () => token({ claims: { iss: 'other' } })],
    ['is not valid yet', () => token({ claims: { nbf: NOW / 1000 + 60 } })],
    ['never ends', () => token({ claims: { exp: undefined } })],
    ['names no device', () => token({ claims: { did: undefined } })],
    ['names a user that is none', () => token({ claims: { sub: "' or 1=1" } })],
    [
      'carries a key of its own',
      async () =>
        token({ key: other.privateKey, header: { jwk: await exportJWK(other.publicKey) } }),
    ],
    [
      'says where to fetch a key',
      () => token({ key: other.privateKey, header: { jku: 'http://127.0.0.1:1/' } }),
    ],
    [
      'is not signed',
      () => `${encode({ alg: 'none', typ: 'at+jwt', kid: 'one' })}.${encode({ sub: USER })}.`,
    ],
    [
      'is signed by a hash of the public key',
      async () => {
        const secret = Buffer.from((await exportJWK(pair.publicKey)).x ?? '', 'base64url');
        return new SignJWT({ sub: USER })
          .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: 'one' })
          .sign(secret);
      },
    ],
    [
      'has a changed claim',
      async () => (await token()).replace(/\.[^.]+\./, `.${encode({ sub: USER })}.`),
    ],
  ];
  test.each(forgeries)('that %s is invalid', async (_, forge) => {
    const { authenticate } = authenticator();
    await expect(authenticate(await forge())).rejects.toMatchObject({ code: 'auth.token-invalid' });
  });

  test('says what its session is bound to, and since when', async () => {
    const { authenticate } = authenticator();
    const claims = { cnf: { jkt: 'thumbprint' }, auth_time: NOW / 1000 - 60 };
    const caller = await authenticate(await token({ claims }));
    expect(caller).toMatchObject({ boundTo: 'thumbprint', authenticatedAt: NOW - 60_000 });
  });

  test('that was good still ends, by its time and with its session', async () => {
    let now = NOW;
    const revoked = new Set<SessionId>();
    const { authenticate } = authenticator({ clock: () => now, revocations: revoked });
    const good = await token();
    await authenticate(good);
    revoked.add(SESSION);
    await expect(authenticate(good)).rejects.toMatchObject({ code: 'auth.token-invalid' });
    revoked.clear();
    now += 899_999;
    await authenticate(good);
    now += 1;
    await expect(authenticate(good)).rejects.toMatchObject({ code: 'auth.token-expired' });
  });

  test('of a revoked session is invalid', async () => {
    const { authenticate } = authenticator({ revocations: { has: (one) => one === SESSION } });
    await expect(authenticate(await token())).rejects.toMatchObject({ code: 'auth.token-invalid' });
  });
});

describe('the keys', () => {
  test('are fetched once for many tokens', async () => {
    const { auth, authenticate } = authenticator();
    const good = await token();
    await Promise.all(Array.from({ length: 20 }, () => authenticate(good)));
    expect(auth).toHaveBeenCalledTimes(1);
  });

  test('are fetched again for a new key, but not for each invented one', async () => {
    let now = NOW;
    let keys: Record<string, GenerateKeyPairResult> = { one: pair };
    const auth = authService(async () => keys);
    const { authenticate } = authenticator({ auth, clock: () => now });
    await authenticate(await token());
    const invented = await token({ key: other.privateKey, header: { kid: 'two' } });
    for (let time = 0; time < 20; time++) {
      await expect(authenticate(invented)).rejects.toMatchObject({ code: 'auth.token-invalid' });
    }
    expect(auth).toHaveBeenCalledTimes(1);
    keys = { one: pair, two: other };
    now += KEY_SET_REFETCH_MS + 1;
    await authenticate(invented);
    expect(auth).toHaveBeenCalledTimes(2);
  });

  test('that were withdrawn are forgotten', async () => {
    let now = NOW;
    let keys: Record<string, GenerateKeyPairResult> = { one: pair };
    const { authenticate } = authenticator({
      auth: authService(async () => keys),
      clock: () => now,
    });
    await authenticate(await token());
    keys = {};
    now += KEY_SET_AGE_MS + 1;
    await expect(authenticate(await token())).rejects.toMatchObject({ code: 'auth.token-invalid' });
  });

  test('that cannot be had make the service unavailable; those at hand are used on', async () => {
    let now = NOW;
    let up = false;
    const inner = authService(async () => ({ one: pair }));
    const auth: Fetch = async (request) => {
      if (!up) throw new TypeError('fetch failed');
      return inner(request);
    };
    const { authenticate } = authenticator({ auth, clock: () => now });
    const good = await token();
    await expect(authenticate(good)).rejects.toMatchObject({ code: 'service.unavailable' });
    up = true;
    await authenticate(good);
    up = false;
    now += KEY_SET_REFETCH_MS + 1;
    await authenticate(good);
  });
});
