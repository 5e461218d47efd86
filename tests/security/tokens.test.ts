/** Forged access tokens, at every service behind the gateway and at the WebSocket: 401, and nobody is asked anything. */
import { createHmac, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Login } from '@sotto/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Cluster, startCluster } from '../cluster.ts';
import { knock, knockSocket, PASSWORD, untilSettled } from './doors.ts';
import { forge, readToken, signingKeyOf, type TokenParts, unsigned } from './forgery.ts';

const SECRET = randomBytes(32).toString('base64url');
const genuineKey = signingKeyOf(SECRET);
const foreign = generateKeyPairSync('ed25519');

let cluster: Cluster;
let account: Login;
let genuine: TokenParts;
/** What a token may name as the place of its keys. */
let trap: Server;
let trapUrl: string;
let visits = 0;

beforeAll(async () => {
  trap = createServer((_, response) => response.end('{}'));
  trap.on('connection', () => void visits++);
  trap.listen(0, '127.0.0.1');
  await once(trap, 'listening');
  trapUrl = `http://127.0.0.1:${(trap.address() as AddressInfo).port}`;
  cluster = await startCluster({
    JWT_ACCESS_SECRET: SECRET,
    LIMITS_USER_PER_MINUTE: '100000',
    LIMITS_SOURCE_PER_MINUTE: '100000',
  });
  const { body } = await knock(`${cluster.url}/api/v1/auth/register`, {
    method: 'POST',
    body: { username: 'Tokenowner', password: PASSWORD },
  });
  account = Login.parse(body);
  genuine = readToken(account.accessToken);
  await untilSettled(cluster.url, account.accessToken);
}, 120_000);

afterAll(async () => {
  await cluster?.close();
  trap.close();
});

/** One harmless read at each service. */
const PLACES: Readonly<Record<string, string>> = {
  auth: '/api/v1/auth/me',
  key: '/api/v1/keys/count',
  message: '/api/v1/conversations',
  file: `/api/v1/files/${randomUUID()}/info`,
};

/** What every place says to a token: a code, or `in` when it let the token through. */
async function verdicts(token: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [place, path] of Object.entries(PLACES)) {
    const { status, body } = await knock(`${cluster.url}${path}`, { token });
    found[place] = status === 401 ? (body as { code: string }).code : 'in';
  }
  const socket = await knockSocket(cluster.url, token);
  found.socket = socket instanceof WebSocket ? 'in' : String(socket);
  if (socket instanceof WebSocket) socket.terminate();
  return found;
}

function everywhere(code: string): Record<string, string> {
  const http = Object.fromEntries(Object.keys(PLACES).map((place) => [place, code]));
  return { ...http, socket: code === 'in' ? 'in' : '401' };
}

const withHeader = (changes: object): TokenParts => ({
  ...genuine,
  header: { ...genuine.header, ...changes },
});
const withClaims = (changes: object): TokenParts => ({
  ...genuine,
  claims: { ...genuine.claims, ...changes },
});
const now = () => Math.floor(Date.now() / 1000);

test('the genuine token, and one that was signed here as the platform signs, open every door', async () => {
  expect(await verdicts(account.accessToken)).toEqual(everywhere('in'));
  expect(await verdicts(forge(genuine, genuineKey))).toEqual(everywhere('in'));
});

test('without a signature of the platform no token opens any door', async () => {
  const { keys } = (await knock(`${cluster.url}/.well-known/jwks.json`)).body as {
    keys: { x: string }[];
  };
  const publicKey = keys[0]?.x ?? '';
  const hmac = (secret: string | Buffer): string => {
    const signed = unsigned(withHeader({ alg: 'HS256' }));
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
  };
  const forged = {
    none: `${unsigned(withHeader({ alg: 'none' }))}.`,
    'NONE with the genuine signature': account.accessToken.replace(
      /^[^.]+/,
      unsigned(withHeader({ alg: 'NONE' })).split('.')[0] ?? '',
    ),
    'the public key as an HMAC secret': hmac(publicKey),
    'its bytes as an HMAC secret': hmac(Buffer.from(publicKey, 'base64url')),
    'an empty HMAC secret': hmac(''),
    'a foreign key under the genuine id': forge(genuine, foreign.privateKey),
    'other claims under the genuine signature': [
      unsigned(withClaims({ sub: randomUUID() })),
      account.accessToken.split('.')[2],
    ].join('.'),
    'the refresh token': account.refreshToken,
    'an empty signature': `${unsigned(genuine)}.`,
  };
  for (const [name, token] of Object.entries(forged)) {
    expect([name, await verdicts(token)]).toEqual([name, everywhere('auth.token-invalid')]);
  }
});

test('what a header says of its key is not believed, and nobody is asked for it', async () => {
  const jwk = foreign.publicKey.export({ format: 'jwk' });
  const headers = {
    'a key in the header': { jwk },
    'a key in the header, without an id': { jwk, kid: undefined },
    'a set of keys elsewhere': { jku: `${trapUrl}/jwks.json`, kid: 'theirs' },
    'a certificate elsewhere': { x5u: `${trapUrl}/cert.pem`, kid: 'theirs' },
    'a certificate in the header': { x5c: ['MIIB'], kid: 'theirs' },
    'an address as the id': { kid: `${trapUrl}/key` },
    'a path as the id': { kid: '../../../../../../dev/null' },
    'SQL as the id': { kid: "' union select 'AA' --" },
    'a command as the id': { kid: `|curl ${trapUrl}` },
    'a name of every object as the id': { kid: '__proto__' },
    'a long id': { kid: 'k'.repeat(4_000) },
    'a number as the id': { kid: 0 },
    'a list as the id': { kid: [genuine.header.kid] },
    'no id': { kid: undefined },
    'an extension that must be understood': { crit: ['exp'] },
  };
  for (const [name, changes] of Object.entries(headers)) {
    const token = forge(withHeader(changes), foreign.privateKey);
    expect([name, await verdicts(token)]).toEqual([name, everywhere('auth.token-invalid')]);
  }
  expect(visits).toBe(0);
});

test('the platform’s own signature does not help a token that is for somebody else, or of another kind', async () => {
  const wrong = {
    'another audience': withClaims({ aud: 'elsewhere' }),
    'several audiences, none ours': withClaims({ aud: ['a', 'b'] }),
    'no audience': withClaims({ aud: undefined }),
    'another issuer': withClaims({ iss: 'elsewhere' }),
    'no issuer': withClaims({ iss: undefined }),
    'another kind of token': withHeader({ typ: 'JWT' }),
    'a proof': withHeader({ typ: 'dpop+jwt' }),
    'no kind': withHeader({ typ: undefined }),
    'another name for the algorithm': withHeader({ alg: 'Ed25519' }),
    'not yet valid': withClaims({ nbf: now() + 60 }),
    'no end': withClaims({ exp: undefined }),
    'an end that is no number': withClaims({ exp: 'never' }),
    'no user': withClaims({ sub: undefined }),
    'a user that is no id': withClaims({ sub: 'admin' }),
    'no session': withClaims({ sid: undefined }),
  };
  for (const [name, parts] of Object.entries(wrong)) {
    const token = forge(parts, genuineKey);
    expect([name, await verdicts(token)]).toEqual([name, everywhere('auth.token-invalid')]);
  }
  const expired = forge(withClaims({ exp: now() - 1 }), genuineKey);
  expect(await verdicts(expired)).toEqual(everywhere('auth.token-expired'));
});

test('a token is taken from one well-formed Authorization header and from nowhere else', async () => {
  const url = `${cluster.url}/api/v1/auth/me`;
  const { accessToken } = account;
  const statusOf = async (address: string, headers: Record<string, string>) =>
    (await fetch(address, { headers })).status;
  expect(await statusOf(`${url}?access_token=${accessToken}`, {})).not.toBe(200);
  for (const headers of [
    { cookie: `access_token=${accessToken}` },
    { 'x-access-token': accessToken },
    { authorization: accessToken },
    { authorization: `Basic ${accessToken}` },
    { authorization: `Bearer ${accessToken} ${accessToken}` },
    { authorization: `Bearer ${accessToken}, Bearer ${accessToken}` },
  ]) {
    expect(await statusOf(url, headers)).toBe(401);
  }
  const twice = new Headers({ authorization: `Bearer ${accessToken}` });
  twice.append('authorization', `Bearer ${forge(genuine, foreign.privateKey)}`);
  expect((await fetch(url, { headers: twice })).status).toBe(401);
});
