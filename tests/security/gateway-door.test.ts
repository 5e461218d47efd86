/**
 * What strangers try at the gateway, in front of real services in processes of their own: to pose as somebody, to reach
 * what is not theirs to reach, to smuggle one request inside another.
 */
import { once } from 'node:events';
import {
  me,
  openSocketTicket,
  SOCKET_PATH,
  SOCKET_PROTOCOL,
  SOCKET_TICKET_PREFIX,
} from '@sotto/api';
import { internalEndpoints } from '@sotto/api/internal';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Cluster, startCluster } from '../cluster.ts';
import type { PlatformProcess } from '../platform-process.ts';
import { PASSWORD } from './doors.ts';
import { speak, statusesIn } from './raw-speech.ts';

interface Account {
  user: string;
  session: string;
  accessToken: string;
}

let cluster: Cluster;
let alice: Account;
let mallory: Account;

beforeAll(async () => {
  cluster = await startCluster({
    LIMITS_USER_PER_MINUTE: '100000',
    LIMITS_SOURCE_PER_MINUTE: '100000',
  });
  [alice, mallory] = [await makeAccount('Alice'), await makeAccount('Mallory')];
});
afterAll(() => cluster?.close());

async function makeAccount(username: string): Promise<Account> {
  const response = await fetch(`${cluster.url}/api/v1/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password: PASSWORD }),
  });
  expect(response.status).toBe(201);
  return response.json();
}

/** Requests that a service has answered since it started, but for those of whoever watches over it. */
async function answeredBy(process: PlatformProcess): Promise<number> {
  const text = await (await fetch(`${process.url}/metrics`)).text();
  const lines = text
    .split('\n')
    .filter((line) => line.startsWith('sotto_http_request_seconds_count'));
  const others = lines.filter((line) => !/route="\/(health|metrics|internal)/.test(line));
  return others.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

async function answeredByAll(): Promise<number> {
  const { auth, key, message, file } = cluster.processes;
  const counts = await Promise.all([auth, key, message, file].map(answeredBy));
  return counts.reduce((sum, count) => sum + count, 0);
}

describe('a caller who makes up who it is', () => {
  const asMallory = (headers: Record<string, string>, path = me.path) => {
    return fetch(cluster.url + path, {
      headers: { authorization: `Bearer ${mallory.accessToken}`, ...headers },
    });
  };

  test.each([
    'x-user-id',
    'x-user',
    'x-internal-user',
    'x-internal-secret',
    'x-sotto-user',
    'x-forwarded-user',
    'x-original-user',
  ])('%s is nobody else for it', async (name) => {
    expect(await (await asMallory({ [name]: alice.user })).json()).toMatchObject({
      user: mallory.user,
    });
  });

  test('headers alone are no credential', async () => {
    const headers = {
      'x-user-id': alice.user,
      'x-sotto-gateway': 'guessed',
      'x-internal-secret': 'guessed',
    };
    const response = await fetch(cluster.url + me.path, { headers });
    expect(response.status).toBe(401);
  });

  test.each([
    [
      'one of each',
      (a: string, b: string) => `Authorization: Bearer ${a}\r\nAuthorization: Bearer ${b}`,
    ],
    [
      'in another case',
      (a: string, b: string) => `Authorization: Bearer ${a}\r\naUTHORIZATION: Bearer ${b}`,
    ],
    ['one that is empty', (a: string) => `Authorization:\r\nAuthorization: Bearer ${a}`],
    ['the same twice', (a: string) => `Authorization: Bearer ${a}\r\nAuthorization: Bearer ${a}`],
  ])('two credentials, %s, are refused and nobody is asked', async (_, lines) => {
    const before = await answeredByAll();
    const both = lines(alice.accessToken, mallory.accessToken);
    const said = await speak(cluster.url, `GET ${me.path} HTTP/1.1\r\nHost: a\r\n${both}\r\n\r\n`);
    expect(statusesIn(said)).toEqual([400]);
    expect(said).toMatchObject({
      isClosed: true,
      heard: expect.stringContaining('request.malformed'),
    });
    expect(await answeredByAll()).toBe(before);
  });

  test.each([
    ['X-HTTP-Method-Override', 'DELETE'],
    ['X-HTTP-Method', 'DELETE'],
    ['X-Method-Override', 'DELETE'],
  ])('a method in %s is not the method', async (name, value) => {
    const path = `/api/v1/auth/sessions/${mallory.session}`;
    const response = await fetch(cluster.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${mallory.accessToken}`, [name]: value },
    });
    expect(response.status).toBe(405);
    const again = await fetch(`${cluster.url}${path}?_method=DELETE`, {
      method: 'POST',
      headers: { authorization: `Bearer ${mallory.accessToken}` },
    });
    expect(again.status).toBe(405);
    expect((await asMallory({})).status).toBe(200);
  });
});

describe('a path that means two things', () => {
  const OWN = '/api/v1/auth/me';

  test.each([
    '/api/v1//auth/me',
    '//api/v1/auth/me',
    '/api/v1/auth//me',
    '/api/v1/./auth/me',
    '/api/v1/keys/../auth/me',
    '/api/v1/keys/%2e%2e/auth/me',
    '/api/v1/auth%2fme',
    '/api/v1/auth/%6de',
    '/api/v1/auth/me;x=1',
    '/api/v1/auth\\me',
    '/api/v1/auth/me/',
    '/API/V1/auth/me',
    '/api/v1/auth/me%00',
    '/api/v1/auth/me%20',
    '/api/v1/auth/me#x',
    '/internal/../api/v1/auth/me/../../../internal/revocations',
  ])('%s gives nothing that its caller has not got', async (path) => {
    const credential = `Authorization: Bearer ${mallory.accessToken}`;
    const head = `Host: a\r\nConnection: close\r\n${credential}\r\n\r\n`;
    const said = await speak(cluster.url, `GET ${path} HTTP/1.1\r\n${head}`);
    const [status = 0] = statusesIn(said);
    // A URL parser may make the caller's own path of it; then it is that and no other.
    if (status === 200) expect(said.heard).toContain(mallory.user);
    else expect(said.heard).toMatch(/^HTTP\/1\.1 (400|404) .*"code":"(request|route)\./s);
    expect(said.heard).not.toContain(alice.user);
  });

  test('in absolute form is the path, whatever host it names', async () => {
    for (const host of ['elsewhere.example', new URL(cluster.processes.auth.url).host]) {
      const said = await speak(
        cluster.url,
        `GET http://${host}${OWN} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer ${mallory.accessToken}\r\n\r\n`,
      );
      expect(said.heard).toContain(mallory.user);
    }
  });
});

describe('routes between services', () => {
  const credentials = () => [`Bearer ${alice.accessToken}`, 'Service guessed', ''];

  test.each(internalEndpoints.map(({ method, path }) => ({ method, path })))(
    '$method $path is not there',
    async ({ method, path }) => {
      const filled = path.replace(/\{\w+\}/g, alice.user);
      const before = await answeredByAll();
      for (const authorization of credentials()) {
        for (const target of [
          filled,
          `http://${new URL(cluster.processes.auth.url).host}${filled}`,
        ]) {
          const said = await speak(
            cluster.url,
            `${method} ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: ${authorization}\r\nContent-Length: 0\r\n\r\n`,
          );
          expect(said.heard).toMatch(/^HTTP\/1\.1 404 .*route\.not-found/s);
        }
      }
      expect(await answeredByAll()).toBe(before);
    },
  );
});

/** What one reader takes for a second request, another for the body of the first. */
const INNER = 'GET /.well-known/jwks.json HTTP/1.1\r\nHost: a\r\n\r\n';
const LOGIN = 'POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';

describe('a request that hides another one', () => {
  test.each([
    ['CL.TE', `${LOGIN}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${INNER}`],
    [
      'TE.CL',
      `${LOGIN}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n${INNER}\r\n0\r\n\r\n`,
    ],
    [
      'TE.TE',
      `${LOGIN}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${INNER}`,
    ],
    ['TE.TE by a list', `${LOGIN}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${INNER}`],
    ['an encoding that is none', `${LOGIN}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${INNER}`],
    [
      'an encoding behind a tab',
      `${LOGIN}Transfer-Encoding:\tchunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n${INNER}`,
    ],
    [
      'an encoding behind a vertical tab',
      `${LOGIN}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n${INNER}`,
    ],
    ['two lengths', `${LOGIN}Content-Length: 0\r\nContent-Length: ${INNER.length}\r\n\r\n${INNER}`],
    ['two equal lengths', `${LOGIN}Content-Length: 0\r\nContent-Length: 0\r\n\r\n${INNER}`],
    ['a list of lengths', `${LOGIN}Content-Length: 0, ${INNER.length}\r\n\r\n${INNER}`],
    ['a length with a sign', `${LOGIN}Content-Length: +0\r\n\r\n${INNER}`],
    ['a length below zero', `${LOGIN}Content-Length: -1\r\n\r\n${INNER}`],
    ['a length in hexadecimal', `${LOGIN}Content-Length: 0x10\r\n\r\n${INNER}`],
    ['a length without end', `${LOGIN}Content-Length: 99999999999999999999\r\n\r\n${INNER}`],
    ['bare line feeds', `${LOGIN}X: y\nContent-Length: 0\r\n\r\n${INNER}`],
    ['bare line feeds all over', `${LOGIN.replaceAll('\r', '')}Content-Length: 0\n\n${INNER}`],
    ['a bare carriage return', `${LOGIN}X: y\rContent-Length: 0\r\n\r\n${INNER}`],
    ['a folded header', `${LOGIN}X: y\r\n Content-Length: 0\r\n\r\n${INNER}`],
    ['a space before the colon', `${LOGIN}Content-Length : 0\r\n\r\n${INNER}`],
    [
      'a space before the name',
      `${LOGIN.replace('Host', ' Host')}Content-Length: 0\r\n\r\n${INNER}`,
    ],
    ['a header without a name', `${LOGIN}: x\r\nContent-Length: 0\r\n\r\n${INNER}`],
    ['a NUL in a header', `${LOGIN}X: a\0b\r\nContent-Length: 0\r\n\r\n${INNER}`],
    [
      'a chunk whose length is none',
      `${LOGIN}Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n${INNER}`,
    ],
    [
      'a chunk whose length has a sign',
      `${LOGIN}Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n${INNER}`,
    ],
    [
      'a chunk whose length is too long',
      `${LOGIN}Transfer-Encoding: chunked\r\n\r\n${'f'.repeat(17)}\r\n\r\n${INNER}`,
    ],
    [
      'a chunk longer than it says',
      `${LOGIN}Transfer-Encoding: chunked\r\n\r\n2\r\nabcdef\r\n0\r\n\r\n${INNER}`,
    ],
    [
      'a chunk ended by a line feed',
      `${LOGIN}Transfer-Encoding: chunked\r\n\r\n2\nab\n0\n\n${INNER}`,
    ],
    [
      'an extension with a line feed',
      `${LOGIN}Transfer-Encoding: chunked\r\n\r\n2;a\nb\r\nab\r\n0\r\n\r\n${INNER}`,
    ],
    [
      'an extension without end',
      `${LOGIN}Transfer-Encoding: chunked\r\n\r\n2;${'x'.repeat(20_000)}\r\nab\r\n0\r\n\r\n${INNER}`,
    ],
    ['two hosts', `${LOGIN}Host: b\r\nContent-Length: 0\r\n\r\n${INNER}`],
    ['another version', `GET /api/v1/auth/me HTTP/1.2\r\nHost: a\r\n\r\n${INNER}`],
    ['a version of long ago', `GET /api/v1/auth/me\r\n\r\n${INNER}`],
  ])('%s: refused, the connection closed, and no second request anywhere', async (_, words) => {
    const before = await answeredByAll();
    const said = await speak(cluster.url, words);
    expect(said.isClosed).toBe(true);
    const statuses = statusesIn(said);
    expect(statuses).toHaveLength(1);
    expect([400, 413, 431, 505]).toContain(statuses[0]);
    expect(said.heard).not.toContain('"keys"');
    // One that is well-formed in its head may be on its way when its body turns out not to be.
    expect(await answeredByAll()).toBeLessThanOrEqual(before + 1);
    const { auth } = cluster.processes;
    const text = await (await fetch(`${auth.url}/metrics`)).text();
    expect(text).not.toMatch(
      /route="\/\.well-known\/jwks\.json",status="200",service="auth"} [1-9]/,
    );
  });

  test('a chunk extension that is well-formed is no harm, and goes no further', async () => {
    const said = await speak(
      cluster.url,
      `${LOGIN}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\n\r\n`,
    );
    expect(statusesIn(said)).toEqual([400]);
    expect(said.heard).toContain('request.invalid');
  });

  test('after the answer to a handshake that failed, nothing more is heard', async () => {
    const before = await answeredByAll();
    const handshake = `GET ${SOCKET_PATH} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
    const said = await speak(cluster.url, handshake, INNER);
    expect(statusesIn(said)).toEqual([401]);
    expect(said.isClosed).toBe(true);
    expect(await answeredByAll()).toBe(before);
  });
});

test('a ticket still opens a socket after all this', async () => {
  const response = await fetch(cluster.url + openSocketTicket.path, {
    method: 'POST',
    headers: { authorization: `Bearer ${alice.accessToken}` },
  });
  const { ticket }: { ticket: string } = await response.json();
  const url = `${cluster.url.replace('http', 'ws')}${SOCKET_PATH}`;
  const socket = new WebSocket(url, [SOCKET_PROTOCOL, `${SOCKET_TICKET_PREFIX}${ticket}`]);
  await once(socket, 'open');
  socket.terminate();
});
