/**
 * What strangers try at the gateway, in front of real services in processes of their own: to pose as somebody, to reach
 * what is not theirs to reach. `gateway-smuggling.test.ts` has what they hide inside a request.
 */
import { me } from '@sotto/api';
import { internalEndpoints } from '@sotto/api/internal';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Gate, openGate } from './gate.ts';
import { speak, statusesIn } from './raw-speech.ts';

let gate: Gate;
beforeAll(async () => {
  gate = await openGate();
});
afterAll(() => gate?.close());

describe('a caller who makes up who it is', () => {
  const asMallory = (headers: Record<string, string>, path = me.path) => {
    return fetch(gate.cluster.url + path, {
      headers: { authorization: `Bearer ${gate.mallory.accessToken}`, ...headers },
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
    expect(await (await asMallory({ [name]: gate.alice.user })).json()).toMatchObject({
      user: gate.mallory.user,
    });
  });

  test('headers alone are no credential', async () => {
    const headers = {
      'x-user-id': gate.alice.user,
      'x-sotto-gateway': 'guessed',
      'x-internal-secret': 'guessed',
    };
    const response = await fetch(gate.cluster.url + me.path, { headers });
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
    const before = await gate.answered();
    const both = lines(gate.alice.accessToken, gate.mallory.accessToken);
    const said = await speak(
      gate.cluster.url,
      `GET ${me.path} HTTP/1.1\r\nHost: a\r\n${both}\r\n\r\n`,
    );
    expect(statusesIn(said)).toEqual([400]);
    expect(said).toMatchObject({
      isClosed: true,
      heard: expect.stringContaining('request.malformed'),
    });
    expect(await gate.answered()).toBe(before);
  });

  test.each([
    ['X-HTTP-Method-Override', 'DELETE'],
    ['X-HTTP-Method', 'DELETE'],
    ['X-Method-Override', 'DELETE'],
  ])('a method in %s is not the method', async (name, value) => {
    const path = `/api/v1/auth/sessions/${gate.mallory.session}`;
    const response = await fetch(gate.cluster.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${gate.mallory.accessToken}`, [name]: value },
    });
    expect(response.status).toBe(405);
    const again = await fetch(`${gate.cluster.url}${path}?_method=DELETE`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gate.mallory.accessToken}` },
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
    const credential = `Authorization: Bearer ${gate.mallory.accessToken}`;
    const head = `Host: a\r\nConnection: close\r\n${credential}\r\n\r\n`;
    const said = await speak(gate.cluster.url, `GET ${path} HTTP/1.1\r\n${head}`);
    const [status = 0] = statusesIn(said);
    // A URL parser may make the caller's own path of it; then it is that and no other.
    if (status === 200) expect(said.heard).toContain(gate.mallory.user);
    else expect(said.heard).toMatch(/^HTTP\/1\.1 (400|404) .*"code":"(request|route)\./s);
    expect(said.heard).not.toContain(gate.alice.user);
  });

  test('in absolute form is the path, whatever host it names', async () => {
    for (const host of ['elsewhere.example', new URL(gate.cluster.processes.auth.url).host]) {
      const said = await speak(
        gate.cluster.url,
        `GET http://${host}${OWN} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer ${gate.mallory.accessToken}\r\n\r\n`,
      );
      expect(said.heard).toContain(gate.mallory.user);
    }
  });
});

describe('routes between services', () => {
  const credentials = () => [`Bearer ${gate.alice.accessToken}`, 'Service guessed', ''];

  test.each(internalEndpoints.map(({ method, path }) => ({ method, path })))(
    '$method $path is not there',
    async ({ method, path }) => {
      const filled = path.replace(/\{\w+\}/g, gate.alice.user);
      const before = await gate.answered();
      for (const authorization of credentials()) {
        for (const target of [
          filled,
          `http://${new URL(gate.cluster.processes.auth.url).host}${filled}`,
        ]) {
          const said = await speak(
            gate.cluster.url,
            `${method} ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: ${authorization}\r\nContent-Length: 0\r\n\r\n`,
          );
          expect(said.heard).toMatch(/^HTTP\/1\.1 404 .*route\.not-found/s);
        }
      }
      expect(await gate.answered()).toBe(before);
    },
  );
});
