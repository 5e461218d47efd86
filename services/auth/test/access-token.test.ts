import { createHmac, generateKeyPairSync } from 'node:crypto';
import { jwks, type Login, me } from '@sotto/api';
import { decodeJwt, decodeProtectedHeader, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Caller, openPlatform, type TestPlatform, testConfig } from './platform.fixture.ts';

let platform: TestPlatform;
let auth: Caller;
let account: Login;

beforeAll(async () => {
  platform = await openPlatform();
  auth = await platform.start();
  account = await auth.register('Tokenowner');
});
afterAll(() => platform.close());

const keysOf = async (caller: Caller) => {
  return jwks.response.parse((await caller.send(jwks)).body).keys;
};
const withToken = (token: string) => auth.send(me, { token: `Bearer ${token}` });

test('an access token says what RFC 9068 asks for, and nothing about the person', async () => {
  const header = decodeProtectedHeader(account.accessToken);
  const [key] = await keysOf(auth);
  expect(header).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid: key?.kid });
  const { jti, ...claims } = decodeJwt(account.accessToken);
  const issuedAt = Math.floor(platform.time.now / 1000);
  expect(jti).toBeTypeOf('string');
  expect(claims).toEqual({
    iss: 'sotto',
    aud: 'sotto',
    sub: account.user,
    did: account.device,
    sid: account.session,
    gen: 0,
    auth_time: issuedAt,
    iat: issuedAt,
    exp: issuedAt + 900,
  });
});

test('processes with the same secrets sign with the same key; another secret gives another', async () => {
  const same = await platform.start();
  expect(await keysOf(same)).toEqual(await keysOf(auth));
  const old = 'access-secret-of-the-tests-0123456789';
  const rotated = await platform.start(
    testConfig({ jwt: { accessTokenSecret: ['fresh-access-secret-0123456789-abcdef', old] } }),
  );
  const keys = await keysOf(rotated);
  expect(keys).toHaveLength(2);
  expect(keys[1]).toEqual((await keysOf(auth))[0]);
  expect((await rotated.send(me, { token: `Bearer ${account.accessToken}` })).status).toBe(200);
  const renewed = await rotated.refresh(account.refreshToken);
  expect(decodeProtectedHeader(renewed.accessToken).kid).toBe(keys[0]?.kid);
});

test('a token that is not ours, or not an access token, opens nothing', async () => {
  const claims = decodeJwt(account.accessToken);
  const header = decodeProtectedHeader(account.accessToken);
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const [key] = await keysOf(auth);
  const [head, body] = account.accessToken.split('.');
  const confused = `${base64url({ ...header, alg: 'HS256' })}.${body}`;
  const forged: Record<string, string> = {
    none: new UnsecuredJWT(claims).encode(),
    'the public key as a secret': `${confused}.${createHmac('sha256', key?.x ?? '')
      .update(confused)
      .digest('base64url')}`,
    'a foreign key': await new SignJWT(claims)
      .setProtectedHeader({ ...header, alg: 'EdDSA' })
      .sign(privateKey),
    'a key of its own': await new SignJWT(claims)
      .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', jwk: publicKey.export({ format: 'jwk' }) })
      .sign(privateKey),
    'a refresh token': account.refreshToken,
    'other claims': `${head}.${base64url({ ...claims, sub: crypto.randomUUID() })}.${account.accessToken.split('.')[2]}`,
  };
  for (const [name, token] of Object.entries(forged)) {
    const { status, body: problem } = await withToken(token);
    expect([name, status], name).toEqual([name, 401]);
    expect(problem).toMatchObject({ code: 'auth.token-invalid' });
  }
});

test('another issuer or audience does not pass', async () => {
  for (const jwt of [{ issuer: 'other' }, { audience: 'other' }]) {
    const other = await platform.start(testConfig({ jwt }));
    const { accessToken } = await other.register(`Of${Object.keys(jwt)[0]}`);
    expect((await withToken(accessToken)).status).toBe(401);
  }
});

test('a token ends after fifteen minutes', async () => {
  const { accessToken } = await auth.register('Shortlived');
  platform.time.now += 899_000;
  expect((await withToken(accessToken)).status).toBe(200);
  platform.time.now += 2_000;
  expect((await withToken(accessToken)).body).toMatchObject({ code: 'auth.token-expired' });
});

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
