import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type PeerCertificate } from 'node:tls';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { listen, type Place } from './listen.ts';
import type { Connection } from './service.ts';
import { freePort } from './testing.ts';
import { type TestAuthority, testAuthority } from './testing-certificates.ts';

let authority: TestAuthority;
let first: { cert: string; key: string };
let second: { cert: string; key: string };
beforeAll(() => {
  authority = testAuthority();
  first = authority.issue('first');
  second = authority.issue('second');
});
afterAll(() => authority.close());

const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };

/** A server on files of its own. */
async function start(place: Partial<Place> = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'tls '));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const files = { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') };
  copyFileSync(first.cert, files.cert);
  copyFileSync(first.key, files.key);
  const seen: { url: string; connection: Connection | undefined }[] = [];
  const service = {
    async fetch({ url }: Request, connection?: Connection) {
      seen.push({ url, connection });
      return new Response('ok');
    },
  };
  const where = { host: '127.0.0.1', port: 0, tls: files, log };
  const listening = await listen(service, { ...where, ...place });
  onTestFinished(() => listening.close());
  return { port: listening.port, files, seen };
}

function get(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      host: 'localhost',
      port,
      path: '/x',
      ca: readFileSync(authority.ca),
      agent: false,
    };
    const request = httpsRequest(options, (response) => {
      response.setEncoding('utf8');
      response.once('data', resolve);
    });
    request.once('error', reject);
    request.end();
  });
}

/** The name in the certificate that the server shows, to whoever believes the test's authority. */
function nameShown(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: 'localhost', port, ca: readFileSync(authority.ca) }, () => {
      const { subject }: PeerCertificate = socket.getPeerCertificate();
      resolve(String(subject.CN));
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

test('requests come by HTTPS, and know it', async () => {
  const { port, seen } = await start();
  expect(await get(port)).toBe('ok');
  expect(seen).toMatchObject([
    { url: `https://localhost:${port}/x`, connection: { remoteAddress: '127.0.0.1' } },
  ]);
});

test('a renewed certificate is used from then on, without a restart', async () => {
  const { port, files } = await start();
  expect(await nameShown(port)).toBe('first');
  // One after the other, as tools do it: in between they do not belong together.
  copyFileSync(second.cert, `${files.cert}.new`);
  renameSync(`${files.cert}.new`, files.cert);
  copyFileSync(second.key, files.key);
  await vi.waitFor(async () => expect(await nameShown(port)).toBe('second'), 20_000);
});

test.each([
  ['is no certificate', (files: { cert: string }) => writeFileSync(files.cert, 'hello')],
  ['has another key', (files: { key: string }) => copyFileSync(second.key, files.key)],
  ['is gone', (files: { cert: string }) => rmSync(files.cert)],
])('one that %s is told of, and the old one stays until there is a good one', async (_, harm) => {
  const { port, files } = await start();
  log.error.mockClear();
  harm(files);
  await vi.waitFor(() => expect(log.error).toHaveBeenCalled(), 20_000);
  expect(await nameShown(port)).toBe('first');
  copyFileSync(second.cert, files.cert);
  copyFileSync(second.key, files.key);
  await vi.waitFor(async () => expect(await nameShown(port)).toBe('second'), 20_000);
});

test('files that do not belong together are told at the start, and nothing is left listening', async () => {
  const port = await freePort();
  const place = { host: '127.0.0.1', port, tls: { cert: first.cert, key: second.key }, log };
  const service = { fetch: async () => new Response() };
  await expect(listen(service, place)).rejects.toThrow();
  const listening = await listen(service, { host: '127.0.0.1', port });
  await listening.close();
});

test('plain HTTP is sent to HTTPS by its path, when it asks for something', async () => {
  const httpRedirectPort = await freePort();
  const { port } = await start({ httpRedirectPort });
  for (const [host, path, location] of [
    ['localhost', '/', `https://localhost:${port}/`],
    [`LOCALHOST:${httpRedirectPort}`, '/a?b=c', `https://localhost:${port}/a?b=c`],
    ['[::1]:80', '//evil.example', `https://[::1]:${port}//evil.example`],
  ] as const) {
    const answer = await plain(httpRedirectPort, { host, path });
    expect(answer).toMatchObject({ status: 308, location });
  }
});

test('and to the origin that clients are known to call, where there is one', async () => {
  const httpRedirectPort = await freePort();
  await start({ httpRedirectPort, publicOrigins: ['https://chat.example.org'] });
  const answer = await plain(httpRedirectPort, { host: 'chat.example.org', path: '/a' });
  expect(answer.location).toBe('https://chat.example.org/a');
});

test.each([
  ['carries something', { method: 'POST', host: 'localhost', path: '/' }],
  ['names a host that is none', { host: 'evil.example/@localhost', path: '/' }],
  ['names no path', { host: 'localhost', path: 'http://evil.example/' }],
])('plain HTTP that %s is refused', async (_, request) => {
  const httpRedirectPort = await freePort();
  await start({ httpRedirectPort });
  const answer = await plain(httpRedirectPort, request);
  expect(answer.status).toBe(400);
  expect(answer.location).toBeUndefined();
  expect(JSON.parse(answer.body)).toMatchObject({ code: 'request.invalid' });
});

function plain(port: number, given: { method?: string; host: string; path: string }) {
  const { method = 'GET', host, path } = given;
  return new Promise<{ status: number; location: string | undefined; body: string }>(
    (resolve, reject) => {
      const options = { host: '127.0.0.1', port, path, method, headers: { host }, agent: false };
      const request = httpRequest(options, async (response) => {
        const chunks = await response.toArray();
        const { statusCode = 0, headers } = response;
        resolve({ status: statusCode, location: headers.location, body: chunks.join('') });
      });
      request.once('error', reject);
      request.end();
    },
  );
}
