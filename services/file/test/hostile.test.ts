/** Names and headers that nobody means well by: nothing comes of them, and the store holds what the service named. */
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MARKER_KEY } from '../src/store-marker.ts';
import { newUser, rows, stored } from './client.fixture.ts';
import { type Platform, startPlatform } from './platform.fixture.ts';

let platform: Platform;
beforeAll(async () => {
  platform = await startPlatform({ store: process.env.TEST_S3_ENDPOINT ? 's3' : 'directory' });
});
afterAll(() => platform.close());

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const IDS = [
  '..',
  '../..',
  '%2e%2e',
  '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
  '..%5c..%5cwindows',
  '%00',
  `${randomUUID()}%00`,
  `${randomUUID()}%2f..%2f${randomUUID()}`,
  `${randomUUID()}%0d%0aSet-Cookie:%20a=b`,
  randomUUID().toUpperCase(),
  `%7b${randomUUID()}%7d`,
  randomUUID().replaceAll('-', ''),
  '%ff%fe',
  '%e2%80%ae',
  "'%20or%20'1'='1",
  'a'.repeat(5000),
  '*',
  '%',
];

const ROUTES = [
  ['GET', ''],
  ['HEAD', ''],
  ['DELETE', ''],
  ['GET', '/info'],
  ['POST', '/grants'],
  ['DELETE', `/grants/${randomUUID()}`],
] as const;

const UPLOAD_ROUTES = ['HEAD', 'PATCH', 'DELETE'] as const;

/** The head of the answer to a request as it is written. A client of HTTP would mend half of these. */
async function speak(lines: readonly string[], body = ''): Promise<string> {
  const { hostname, port } = new URL(platform.url);
  const socket = connect(Number(port), hostname);
  const length = body === '' ? [] : [`content-length: ${body.length}`];
  socket.write(
    [...lines, 'host: file.test', 'connection: close', ...length, '', body].join('\r\n'),
  );
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  return answer.slice(0, answer.indexOf('\r\n\r\n'));
}

async function keys(): Promise<string[]> {
  const found = [];
  for await (const { key } of platform.blobs.list()) if (key !== MARKER_KEY) found.push(key);
  return found.sort();
}

test('an id that is none is 400 or 404 on every route', async () => {
  const owner = newUser();
  await stored(platform, owner);
  const before = await rows(platform);
  const authorization = `authorization: Bearer ${platform.token(owner)}`;
  for (const id of IDS) {
    for (const [method, rest] of ROUTES) {
      const head = await speak([`${method} /api/v1/files/${id}${rest} HTTP/1.1`, authorization]);
      expect(head, `${method} ${id}${rest}`).toMatch(/^HTTP\/1\.1 (400|404|405|415|431) /);
      expect(head.toLowerCase()).not.toContain('set-cookie');
    }
  }
  for (const id of IDS) {
    for (const method of UPLOAD_ROUTES) {
      const head = await speak([
        `${method} /api/v1/files/uploads/${id} HTTP/1.1`,
        authorization,
        'tus-resumable: 1.0.0',
        ...(method === 'PATCH' ? ['content-type: application/offset+octet-stream'] : []),
        ...(method === 'PATCH' ? ['upload-offset: 0'] : []),
      ]);
      expect(head, `${method} uploads/${id}`).toMatch(/^HTTP\/1\.1 (400|404|405|431) /);
    }
  }
  for (const conversation of IDS.slice(0, 8)) {
    const { id } = await stored(platform, owner);
    const path = `/api/v1/files/${id}/grants/${conversation}`;
    expect(await speak([`DELETE ${path} HTTP/1.1`, authorization])).toMatch(/ (400|404) /);
    await speak([`DELETE /api/v1/files/${id} HTTP/1.1`, authorization]);
  }
  expect(await rows(platform)).toEqual(before);
});

test('nothing that an upload says of itself names anything in the store', async () => {
  const owner = newUser();
  const name = '../../../etc/passwd';
  const headers = [
    [`content-disposition: attachment; filename="${name}"`],
    [`x-file-name: ${name}`, `slug: ${name}`, `x-amz-meta-key: ${name}`],
    [`content-md5: ${name}`, `content-range: bytes 0-3/9`, `etag: "${name}"`],
    [`upload-metadata: filename ${Buffer.from(name).toString('base64')}`],
    [`x-request-id: ${name}`, `traceparent: ${name}`],
  ];
  for (const some of headers) {
    const lines = [
      'POST /api/v1/files/upload HTTP/1.1',
      `authorization: Bearer ${platform.token(owner)}`,
      'content-type: application/octet-stream',
      ...some,
    ];
    const head = await speak(lines, 'data');
    expect(head).toMatch(/^HTTP\/1\.1 201 /);
    expect(head).not.toContain('passwd');
  }
  const named = (await rows(platform)).map(({ blob_key }) => blob_key).sort();
  expect(await keys()).toEqual(named);
  for (const key of named) expect(key).toMatch(UUID);
});

test('a header that would end early, or bring another, is refused before anything is read', async () => {
  const owner = newUser();
  const { id } = await stored(platform, owner);
  const authorization = `authorization: Bearer ${platform.token(owner)}`;
  const path = `GET /api/v1/files/${id} HTTP/1.1`;
  for (const header of ['range: bytes=0-1\rx: y', 'if-none-match: "\0"', 'range : bytes=0-1']) {
    expect(await speak([path, authorization, header])).toMatch(/^HTTP\/1\.1 400 /);
  }
  const long = `range: bytes=0-${'9'.repeat(4000)}`;
  expect(await speak([path, authorization, long])).toMatch(/^HTTP\/1\.1 200 /);
  expect(await speak([path, authorization, `range: ${'9'.repeat(100_000)}`])).toMatch(/ 431 /);
});
