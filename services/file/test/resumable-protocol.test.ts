/** The tus protocol to the letter: what is said in headers, what is refused, and how. */
import { randomBytes, randomUUID } from 'node:crypto';
import { FILE_BYTES_MAX, fromProblemHeaders } from '@sotto/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { call, newUser, problemOf, rows, usage } from './client.fixture.ts';
import { type Platform, startPlatform } from './platform.fixture.ts';
import {
  ask,
  begin,
  bring,
  bringRaw,
  checksumOf,
  idOf,
  leftovers,
  standing,
  TUS,
} from './resumable.fixture.ts';
import { sweepOnce } from './sweep.fixture.ts';

let platform: Platform;
beforeAll(async () => {
  platform = await startPlatform({
    store: 'directory',
    environment: { FILE_UPLOAD_STALL: '500ms', LIMITS_UPLOAD_PIECES_PER_MINUTE: '20' },
  });
});
afterAll(() => platform.close());
const somebody = () => ({ user: newUser(), platform });
const base64 = (text: string) => Buffer.from(text).toString('base64');

test('what is spoken is told to anyone', async () => {
  const request = new Request('http://file.test/api/v1/files/uploads', { method: 'OPTIONS' });
  const answer = await platform.fetch(request);
  expect(answer.status).toBe(204);
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    ...TUS,
    'tus-version': '1.0.0',
    'tus-extension': 'creation,termination,checksum,expiration',
    'tus-max-size': String(FILE_BYTES_MAX),
    'tus-checksum-algorithm': 'sha256',
  });
});

test('every answer names the protocol and, while there is an end, when the upload ends', async () => {
  const uploader = somebody();
  const path = await begin(uploader, 10);
  const answers = [
    await ask(uploader, 'uploads', { method: 'POST', headers: { ...TUS, 'upload-length': '9' } }),
    await ask(uploader, path, { method: 'HEAD', headers: TUS }),
    await bring(uploader, path, { offset: 0, body: randomBytes(5) }),
  ];
  for (const answer of answers) {
    expect(answer.headers.get('tus-resumable')).toBe('1.0.0');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const left = Date.parse(answer.headers.get('upload-expires') ?? '') - Date.now();
    expect(Math.round(left / 3_600_000)).toBe(24);
  }
  expect(answers[1]?.headers.get('upload-length')).toBe('10');
  expect(answers[1]?.body).toBeNull();
  const last = await bring(uploader, path, { offset: 5, body: randomBytes(5) });
  expect(last.headers.has('upload-expires')).toBe(false);
});

test('refusals name it too, as problems', async () => {
  const uploader = somebody();
  const path = await begin(uploader, 10);
  const nowhere = `uploads/${randomUUID()}`;
  const stranger = somebody();
  const body = randomBytes(5);
  const refusals = [
    [await bring(uploader, path, { offset: 1, body }), '409 upload.offset-conflict'],
    [await bring(uploader, nowhere, { offset: 0, body }), '404 file.not-found'],
    [await bring(stranger, path, { offset: 0, body }), '404 file.not-found'],
    [await ask(stranger, path, { method: 'DELETE', headers: TUS }), '404 file.not-found'],
    [await ask(uploader, path, { method: 'DELETE' }), '412 upload.version'],
    [
      await bring(uploader, path, { offset: 0, body, headers: { 'tus-resumable': '0.2.2' } }),
      '412 upload.version',
    ],
    [
      await bring(uploader, path, { offset: 0, body, headers: { 'content-type': 'text/plain' } }),
      '415 request.media-type',
    ],
    [
      await bring(uploader, path, { offset: 0, body, headers: { 'upload-offset': '-1' } }),
      '400 request.invalid',
    ],
    [
      await bring(uploader, path, { offset: 0, body, headers: { 'upload-checksum': 'md5 abc' } }),
      '400 request.invalid',
    ],
    [
      await bring(uploader, path, { offset: 0, body, headers: { authorization: '' } }),
      '401 auth.token-missing',
    ],
    [await bring(uploader, 'uploads/..%2f..', { offset: 0, body }), '400 request.invalid'],
  ] as const;
  for (const [answer, expected] of refusals) {
    expect(answer.headers.get('tus-resumable')).toBe('1.0.0');
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    if (answer.status === 412) expect(answer.headers.get('tus-version')).toBe('1.0.0');
    expect(await problemOf(answer)).toBe(expected);
  }
  const head = await ask(stranger, path, { method: 'HEAD', headers: TUS });
  expect([head.status, head.body, head.headers.get('tus-resumable')]).toEqual([404, null, '1.0.0']);
  expect(fromProblemHeaders(head.headers)?.code).toBe('file.not-found');
  expect(head.headers.has('upload-offset')).toBe(false);
  expect(await standing(uploader, path)).toBe(0);
});

test.each([
  [undefined, '400 request.invalid'],
  ['', '400 request.invalid'],
  ['1e3', '400 request.invalid'],
  [String(FILE_BYTES_MAX + 1), '413 request.too-large'],
  ['99999999999999999999', '400 request.invalid'],
])('a length of %j is refused', async (length, expected) => {
  const uploader = somebody();
  const headers = { ...TUS, ...(length !== undefined && { 'upload-length': length }) };
  const answer = await ask(uploader, 'uploads', { method: 'POST', headers });
  expect(await problemOf(answer)).toBe(expected);
  expect(await usage(platform, uploader.user)).toBe(0);
});

test.each([
  `expiresAt ${base64('tomorrow')}`,
  `expiresAt ${base64('2020-01-01T00:00:00Z')}`,
  'expiresAt',
  'name ???',
  `name ${base64('a')},name ${base64('b')}`,
  'a b c',
])('metadata like %j is refused', async (metadata) => {
  const headers = { ...TUS, 'upload-length': '1', 'upload-metadata': metadata };
  const answer = await ask(somebody(), 'uploads', { method: 'POST', headers });
  expect(await problemOf(answer)).toBe('400 request.invalid');
});

test('the end of a file may come with its metadata, and whatever else is there is dropped', async () => {
  const uploader = somebody();
  const expiresAt = '2126-01-01T00:00:00.000Z';
  const metadata = `filename ${base64('Ätna.jpg')},is_odd,expiresAt ${base64(expiresAt)}`;
  const headers = { ...TUS, 'upload-length': '0', 'upload-metadata': metadata };
  const answer = await ask(uploader, 'uploads', { method: 'POST', headers });
  expect(answer.status).toBe(201);
  const id = idOf(answer.headers.get('location') ?? '');
  expect(await (await call(platform, uploader.user, `${id}/info`)).json()).toMatchObject({
    expiresAt,
  });
  expect(JSON.stringify(await rows(platform))).not.toContain('tna');
});

test('more than the upload lacks is refused, whether it is announced or not', async () => {
  const uploader = somebody();
  const path = await begin(uploader, 10);
  const announced = await bring(uploader, path, { offset: 0, body: randomBytes(11) });
  expect(await problemOf(announced)).toBe('413 request.too-large');
  const { socket, answer } = bringRaw(uploader, path, {
    offset: 0,
    headers: { 'transfer-encoding': 'chunked' },
  });
  socket.write('b\r\n12345678901\r\n0\r\n\r\n');
  expect(await answer).toMatch(/^HTTP\/1\.1 413 .*connection: close/is);
  expect(await standing(uploader, path)).toBe(0);
});

test('a body that trickles is given up, and what has come of it is kept', async () => {
  const uploader = somebody();
  const path = await begin(uploader, 1000);
  const { socket, answer } = bringRaw(uploader, path, { offset: 0, length: 1000 });
  socket.write('123');
  expect(await answer).toMatch(/^HTTP\/1\.1 408 .*request\.timeout/s);
  expect(await standing(uploader, path)).toBe(3);
});

test('an upload whose time is over is gone, and swept', async () => {
  const uploader = somebody();
  const path = await begin(uploader, 1000);
  await bring(uploader, path, { offset: 0, body: randomBytes(10) });
  await platform.database.query
    .updateTable('uploads')
    .set({ expires_at: new Date(Date.now() - 1) })
    .where('file', '=', idOf(path))
    .execute();
  const answer = await bring(uploader, path, { offset: 10, body: randomBytes(10) });
  expect(await problemOf(answer)).toBe('410 upload.expired');
  expect(await standing(uploader, path)).toBe('upload.expired');
  await sweepOnce(platform);
  expect(await standing(uploader, path)).toBe('file.not-found');
  expect(await usage(platform, uploader.user)).toBe(0);
});

test('an upload that is being brought when its time is over is not swept from under its request', async () => {
  const uploader = somebody();
  const path = await begin(uploader, 1000);
  const { query } = platform.database;
  await query
    .updateTable('uploads')
    .set({ writer: randomUUID(), writer_until: new Date(Date.now() + 60_000) })
    .where('file', '=', idOf(path))
    .execute();
  await sweepOnce(platform, { aheadMs: 25 * 3_600_000 });
  expect(
    await query.selectFrom('uploads').where('file', '=', idOf(path)).select('file').execute(),
  ).toHaveLength(1);
  await query
    .updateTable('uploads')
    .set({ writer: null, writer_until: null })
    .where('file', '=', idOf(path))
    .execute();
  await sweepOnce(platform, { aheadMs: 25 * 3_600_000 });
  expect(await leftovers(platform)).not.toContain(`uploads: ${idOf(path)}`);
});

test('a file stays an upload that is complete, for those who have not heard', async () => {
  const uploader = somebody();
  const bytes = randomBytes(10);
  const path = await begin(uploader, 10);
  await bring(uploader, path, { offset: 0, body: bytes, headers: checksumOf(bytes) });
  expect(await standing(uploader, path)).toBe(10);
  const more = await bring(uploader, path, { offset: 10, body: new Uint8Array() });
  expect(more.status).toBe(204);
  const again = await bring(uploader, path, { offset: 0, body: bytes });
  expect(await problemOf(again)).toBe('409 upload.offset-conflict');
  expect((await ask(uploader, path, { method: 'DELETE', headers: TUS })).status).toBe(204);
  expect(await standing(uploader, path)).toBe('file.not-found');
});

test('requests that bring bytes have a limit of their own', async () => {
  const uploader = somebody();
  const path = await begin(uploader, 1000);
  const statuses = new Set<number>();
  for (let offset = 0; offset < 21; offset++) {
    const answer = await bring(uploader, path, { offset, body: randomBytes(1) });
    statuses.add(answer.status);
    if (answer.status === 429) expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  }
  expect([...statuses]).toEqual([204, 429]);
  expect(await standing(uploader, path)).toBe(20);
});
