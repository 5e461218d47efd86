/** The web client as browsers get it: what they may keep, what they may run, and what is the page. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, gatewayTo } from './upstream.fixture.ts';

const NOWHERE = 'http://127.0.0.1:9';
const PAGE = '<!doctype html><title>Sotto</title>';
const SCRIPT = `export const text = '${'a word or two '.repeat(200)}';`;

let folder: string;
let gateway: Gateway;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sotto-web-'));
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'index.html'), PAGE);
  writeFileSync(join(folder, 'service-worker.js'), 'self.skipWaiting();');
  writeFileSync(join(folder, 'manifest.webmanifest'), '{"name":"Sotto"}');
  writeFileSync(join(folder, 'sources.digest'), 'not for browsers');
  writeFileSync(join(folder, 'assets/main-Ab12.js'), SCRIPT);
  writeFileSync(join(folder, 'assets/inter-Ab12.woff2'), Buffer.alloc(4_000));
  gateway = await gatewayTo(NOWHERE, { GATEWAY_WEB_CLIENT: folder });
});
afterAll(async () => {
  await gateway.close();
  rmSync(folder, { recursive: true, force: true });
});

const get = (path: string, init: RequestInit = {}) =>
  fetch(gateway.url + path, { redirect: 'manual', ...init });

const ID = '0197c0de-0000-7000-8000-000000000001';

describe('the page', () => {
  it.each(['/', `/c/${ID}`, '/settings', '/settings/devices', '/requests', `/safety/${ID}`])(
    'is what stands at %s, and is asked for anew each time',
    async (path) => {
      const answer = await get(path);
      expect(await answer.text()).toBe(PAGE);
      expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(answer.headers.get('cache-control')).toBe('no-cache');
    },
  );

  it('lets only scripts of this origin run, and no text become one', async () => {
    const policy = (await get('/')).headers.get('content-security-policy')?.split('; ');
    expect(policy).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self' blob:",
      'media-src blob:',
      "font-src 'self'",
      "connect-src 'self'",
      "worker-src 'self'",
      "manifest-src 'self'",
      "require-trusted-types-for 'script'",
      'trusted-types sotto',
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "form-action 'none'",
    ]);
  });

  it('hands its policy to the scripts of its workers, which have none else', async () => {
    const page = (await get('/')).headers.get('content-security-policy');
    expect((await get('/assets/main-Ab12.js')).headers.get('content-security-policy')).toBe(page);
  });

  it('costs whoever has it an answer without a body', async () => {
    const etag = (await get('/')).headers.get('etag') ?? expect.fail('no entity tag');
    const answer = await get('/', { headers: { 'if-none-match': etag } });
    expect(answer.status).toBe(304);
    expect(answer.headers.get('content-security-policy')).toContain("script-src 'self'");
  });

  it('says to HEAD what it says to GET', async () => {
    const answer = await get('/', { method: 'HEAD' });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await answer.text()).toBe('');
  });
});

describe('files', () => {
  it('named by their content may be kept for a year', async () => {
    const answer = await get('/assets/inter-Ab12.woff2');
    expect(answer.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(answer.headers.get('content-type')).toBe('font/woff2');
  });

  it.each([
    ['/service-worker.js', 'text/javascript; charset=utf-8'],
    ['/manifest.webmanifest', 'application/manifest+json'],
  ])('of a fixed name are asked for anew: %s', async (path, type) => {
    const answer = await get(path);
    expect(answer.headers.get('cache-control')).toBe('no-cache');
    expect(answer.headers.get('content-type')).toBe(type);
  });

  it.each([
    '/assets/main-Cd34.js',
    '/sources.digest',
    '/assets',
    '/elsewhere',
    '/c',
    '/settings/a/b',
  ])('that are not the client’s are not there: %s', async (path) => {
    const answer = await get(path);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ code: 'route.not-found' });
  });
});

describe('compression', () => {
  it.each([
    ['br, gzip', 'br', brotliDecompressSync],
    ['gzip, deflate', 'gzip', gunzipSync],
    ['gzip, br;q=0', 'gzip', gunzipSync],
  ])('is what a browser takes by %j', async (accepted, encoding, decompress) => {
    const { headers, body } = await raw('/assets/main-Ab12.js', accepted);
    expect(headers).toMatchObject({ 'content-encoding': encoding, vary: 'accept-encoding' });
    expect(body.length).toBeLessThan(SCRIPT.length / 4);
    expect(decompress(body).toString()).toBe(SCRIPT);
  });

  it.each([
    ['/assets/main-Ab12.js', 'identity'],
    ['/assets/inter-Ab12.woff2', 'br'],
    ['/', 'br'],
  ])('is none where nobody wants or needs it: %s by %s', async (path, accepted) => {
    const { headers } = await raw(path, accepted);
    expect(headers).not.toHaveProperty('content-encoding');
  });
});

it('a folder without a build stops the gateway from starting', async () => {
  const empty = mkdtempSync(join(tmpdir(), 'sotto-web-'));
  try {
    await expect(gatewayTo(NOWHERE, { GATEWAY_WEB_CLIENT: empty })).rejects.toThrow(
      /there is no web client in .*: npm run web builds it/,
    );
  } finally {
    rmSync(empty, { recursive: true });
  }
});

/** An answer as it lies on the wire: `fetch` would unpack it. */
function raw(
  path: string,
  accepted: string,
): Promise<{ headers: IncomingHttpHeaders; body: Buffer }> {
  const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<typeof raw>>>();
  const headers = { 'accept-encoding': accepted };
  request(`${gateway.url}${path}`, { headers }, (response) => {
    buffer(response).then((body) => resolve({ headers: response.headers, body }), reject);
  })
    .on('error', reject)
    .end();
  return promise;
}
