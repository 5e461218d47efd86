import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Gateway,
  gatewayTo,
  speak,
  startUpstream,
  type Upstream,
} from './upstream.fixture.ts';

let upstream: Upstream;
let gateway: Gateway;
beforeAll(async () => {
  upstream = await startUpstream();
  gateway = await gatewayTo(upstream.url);
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

/** One request by hand: clients tidy paths up before they send them. */
const ask = (target: string, ...headers: string[]) =>
  speak(
    gateway.port,
    `${[`GET ${target} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...headers].join('\r\n')}\r\n\r\n`,
  );

describe('what lies behind the gateway', () => {
  it.each([
    '/internal/revocations',
    '/internal',
    '/INTERNAL/revocations',
    '//internal/revocations',
    '/./internal/revocations',
    '/%69nternal/revocations',
    '/internal%2frevocations',
    '/api/v1/../../internal/revocations',
    '/api/v1/auth/../../../internal/revocations',
    '/api/v1/auth/..%2f..%2f..%2finternal/revocations',
    '/api/v1/auth/%2e%2e/%2e%2e/%2e%2e/internal/revocations',
    '/api/v1/auth/.%2e/.%2e/.%2e/internal/revocations',
    '/api/v1/auth/%252e%252e/internal/revocations',
    '/api/v1/auth//../../../internal/revocations',
    '/api/v1/auth/..;/..;/..;/internal/revocations',
    '/api/v1/auth/..\\..\\..\\internal\\revocations',
    '/api/v1/auth\\..\\..\\..\\internal',
    '/api/v1//internal/revocations',
    '//api/v1/auth/me',
    '/api/v1//auth/me',
    '/api/v1/auth%2fme',
    '/api/v1/auth/me%00',
    '/api/v1/authority',
    '/api/v1/filesystem',
    '/api/v2/auth/me',
    '/api/v1/internal/revocations',
    'http://localhost/internal/revocations',
    'http://127.0.0.1:1/internal/revocations',
    'http://localhost/api/v1/auth/../../../internal',
    'internal/revocations',
    '*',
  ])('is not reached by %s', async (target) => {
    const before = upstream.seen.length;
    const answer = await ask(target);
    expect(answer).toMatch(/^HTTP\/1\.1 40[04] /);
    expect(answer).toMatch(/"code":"(request\.(invalid|malformed)|route\.not-found)"/);
    expect(upstream.seen.slice(before)).toEqual([]);
  });

  it('is asked for the path that was meant, also in absolute form', async () => {
    const answer = await ask('http://elsewhere.example/api/v1/auth/me?a=%2F..%2F&b=//');
    expect(answer).toContain('"url":"/api/v1/auth/me?a=%2F..%2F&b=//"');
  });

  it.each([
    ['two lengths', 'Content-Length: 5\r\nContent-Length: 6'],
    ['a length and chunks', 'Content-Length: 5\r\nTransfer-Encoding: chunked'],
    ['an odd encoding', 'Transfer-Encoding: xchunked'],
    ['a space before the colon', 'Content-Length : 5'],
    ['a bare line feed', 'X-A: b\nContent-Length: 5'],
  ])('hears nothing of a request with %s', async (_, headers) => {
    const before = upstream.seen.length;
    const answer = await speak(
      gateway.port,
      `POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n\r\n0\r\n\r\nGET /internal HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(upstream.seen.slice(before)).toEqual([]);
  });

  it('sees no header that a caller made up, and the request id that the gateway gave', async () => {
    const headers = {
      'x-forwarded-for': '10.0.0.1',
      'x-forwarded-host': 'evil.example',
      'x-real-ip': '10.0.0.1',
      'x-user-id': 'admin',
      'X-Internal-Secret': 'x',
      'x-sotto-client': '10.0.0.1',
      'x-sotto-gateway': 'guessed',
      'x-http-method-override': 'DELETE',
      'true-client-ip': '10.0.0.1',
      'x-request-id': 'mine',
      'x-original-url': '/internal',
      forwarded: 'for=10.0.0.1',
      via: '1.1 evil',
      te: 'trailers',
      'keep-alive': 'timeout=5',
      'proxy-authorization': 'Basic x',
      connection: 'close, authorization-hint',
      'authorization-hint': 'x',
      authorization: 'Bearer token',
      'x-own': 'kept',
      'accept-encoding': 'gzip',
    };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    const answer = await speak(
      gateway.port,
      `GET /api/v1/auth/me HTTP/1.1\r\nHost: public.example\r\n${lines.join('\r\n')}\r\n\r\n`,
    );
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    const seen = JSON.parse(body.slice(body.indexOf('{'), body.lastIndexOf('}') + 1)).headers;
    expect(seen).toMatchObject({
      authorization: 'Bearer token',
      'x-own': 'kept',
      'accept-encoding': 'identity',
      host: new URL(upstream.url).host,
    });
    expect(seen['x-sotto-client']).toBe('127.0.0.1');
    expect(seen['x-sotto-origin']).toBe('http://public.example');
    expect(seen['x-sotto-gateway']).not.toContain('guessed');
    const ours =
      /^(authorization|x-own|accept-encoding|x-request-id|x-sotto-.*|connection|keep-alive)$/i;
    for (const name of Object.keys(headers)) {
      if (ours.test(name)) continue;
      expect(seen).not.toHaveProperty(name.toLowerCase());
    }
    expect(seen['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(head.toLowerCase()).toContain(`x-request-id: ${seen['x-request-id']}`);
  });
});

describe('/metrics', () => {
  it('is there for this machine', async () => {
    const response = await fetch(`${gateway.url}/metrics`);
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('sotto_http_request_seconds');
  });

  it.each([
    'X-Forwarded-For: 127.0.0.1',
    'X-Forwarded-Proto: https',
    'X-Real-IP: 127.0.0.1',
    'CF-Connecting-IP: 127.0.0.1',
    'Forwarded: for=127.0.0.1',
    'Via: 1.1 proxy',
  ])('is not there for what a proxy passes on (%s)', async (header) => {
    expect(await ask('/metrics', header)).toMatch(/^HTTP\/1\.1 404 .*route\.not-found/s);
  });

  it('is not there by a name that is not this machine’s own: a proxy has passed it on', async () => {
    const words = 'GET /metrics HTTP/1.1\r\nHost: chat.example.org\r\nConnection: close\r\n\r\n';
    expect(await speak(gateway.port, words)).toMatch(/^HTTP\/1\.1 404 .*route\.not-found/s);
  });

  it('is not there at all behind proxies, which may add nothing', async () => {
    const behind = await gatewayTo(upstream.url, { TRUSTED_PROXIES: '1' });
    const answer = await fetch(`${behind.url}/metrics`);
    await behind.close();
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ code: 'route.not-found' });
  });
});

describe('the port of numbers', () => {
  it('has those of the process and nothing else, also behind proxies', async () => {
    const behind = await gatewayTo(upstream.url, { TRUSTED_PROXIES: '1' });
    const ask = async (path: string) => behind.numbers(new Request(`http://gateway${path}`));
    const numbers = await ask('/metrics');
    expect(numbers.status).toBe(200);
    expect(await numbers.text()).toContain('sotto_tunnels_open');
    for (const path of ['/health/live', '/', '/api/v1/auth/me']) {
      expect((await ask(path)).status).toBe(404);
    }
    await behind.close();
  });
});

describe('every answer', () => {
  it.each([
    '/',
    '/docs',
    '/redoc',
    '/openapi.json',
    '/asyncapi.json',
    '/health/live',
    '/api/v1/auth/me',
    '/nothing',
    '/%2e',
    '/metrics',
  ])('of %s tells browsers to be careful', async (path) => {
    const { headers } = await fetch(gateway.url + path);
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'permissions-policy': expect.stringContaining('camera=()'),
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/^default-src 'none'/);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
  });

  it('of an unknown path or method is a problem', async () => {
    const unknown = await fetch(`${gateway.url}/nothing`);
    expect(unknown.headers.get('content-type')).toBe('application/problem+json');
    expect(await unknown.json()).toMatchObject({ status: 404, code: 'route.not-found' });
    const wrong = await fetch(`${gateway.url}/docs`, { method: 'POST' });
    expect(wrong.headers.get('allow')).toBe('GET, HEAD');
    expect(await wrong.json()).toMatchObject({ status: 405, code: 'route.method-not-allowed' });
  });
});
