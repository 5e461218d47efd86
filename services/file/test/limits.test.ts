/** What one owner may bring: bytes in a day, bytes in all, and for how long a file is there. */
import { randomBytes } from 'node:crypto';
import { Problem, type UserId } from '@sotto/api';
import { FileInfo } from '@sotto/api/files';
import { exportFiles } from '@sotto/api/internal';
import { callPeer } from '@sotto/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { giveBackToDay } from '../src/usage-days-store.ts';
import { call, newUser, OCTETS, problemOf, rows, usage } from './client.fixture.ts';
import { INTERNAL_SECRET, type Platform, startPlatform } from './platform.fixture.ts';
import { begin, bring } from './resumable.fixture.ts';
import { sweepOnce } from './sweep.fixture.ts';

const DAILY_BYTES = 200_000;
const QUOTA_BYTES = 250_000;

let platform: Platform;
beforeAll(async () => {
  platform = await startPlatform({
    store: 'directory',
    environment: {
      FILE_DAILY_BYTES: String(DAILY_BYTES),
      FILE_QUOTA_BYTES: String(QUOTA_BYTES),
    },
  });
});
afterAll(() => platform.close());

async function today(owner: UserId): Promise<number> {
  const { rows: days } = await platform.database.pool.query(
    "select bytes from file.usage_days where owner = $1 and day = (now() at time zone 'UTC')::date",
    [owner],
  );
  return days[0]?.bytes ?? 0;
}

/** As over a socket, where whoever knows how many bytes there are says so. */
function upload(owner: UserId, bytes: Uint8Array<ArrayBuffer>): Promise<Response> {
  const headers = { ...OCTETS, 'content-length': String(bytes.byteLength) };
  return call(platform, owner, 'upload', { method: 'POST', headers, body: bytes });
}

async function stored(owner: UserId, bytes: Uint8Array<ArrayBuffer>): Promise<FileInfo> {
  const answer = await upload(owner, bytes);
  expect(answer.status).toBe(201);
  return FileInfo.parse(await answer.json());
}

/** The same bytes, without saying how many. */
function uploadUnannounced(owner: UserId, bytes: Uint8Array<ArrayBuffer>): Promise<Response> {
  const body = new Blob([bytes]).stream();
  return call(platform, owner, 'upload', { method: 'POST', headers: OCTETS, body });
}

async function refusal(answer: Response) {
  const problem = Problem.parse(await answer.json());
  return { answer, problem, is: `${answer.status} ${problem.code}` };
}

test("a day's bytes are used up also by files that are gone, and the refusal says what is left and until when", async () => {
  const owner = newUser();
  const { id } = await stored(owner, randomBytes(150_000));
  await call(platform, owner, id, { method: 'DELETE' });
  const refused = await refusal(await upload(owner, randomBytes(50_001)));
  expect(refused.is).toBe('429 file.daily-limit');
  expect(refused.problem.bytesLeft).toBe(50_000);
  const seconds = Number(refused.answer.headers.get('retry-after'));
  const midnight = new Date().setUTCHours(24, 0, 0, 0);
  expect(Math.abs(Date.now() + seconds * 1000 - midnight)).toBeLessThan(60_000);
  expect(refused.answer.headers.get('connection')).toBe('close');
  await stored(owner, randomBytes(50_000));
  expect(await today(owner)).toBe(DAILY_BYTES);
  expect((await uploadUnannounced(owner, randomBytes(1))).status).toBe(429);
  await stored(owner, new Uint8Array());
});

test('yesterday is over', async () => {
  const owner = newUser();
  await stored(owner, randomBytes(DAILY_BYTES));
  await platform.database.pool.query('update file.usage_days set day = day - 1 where owner = $1', [
    owner,
  ]);
  await stored(owner, randomBytes(1));
});

test('a body that does not say its length counts what it brings, and is cut off where the day ends', async () => {
  const owner = newUser();
  expect((await uploadUnannounced(owner, randomBytes(120_000))).status).toBe(201);
  expect(await today(owner)).toBe(120_000);
  const refused = await refusal(await uploadUnannounced(owner, randomBytes(90_000)));
  expect(refused.is).toBe('429 file.daily-limit');
  expect(refused.problem.bytesLeft).toBe(80_000);
});

test('an upload that is given up counts what it brought, and no more', async () => {
  const owner = newUser();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(randomBytes(30_000));
    },
    pull(controller) {
      controller.error(new Error('the sender went away'));
    },
  });
  const answer = await call(platform, owner, 'upload', {
    ...{ method: 'POST', body },
    headers: { ...OCTETS, 'content-length': '100000' },
  });
  expect(await problemOf(answer)).toBe('400 request.malformed');
  expect(await today(owner)).toBeLessThanOrEqual(30_000);
  expect(await rows(platform)).not.toContainEqual(expect.objectContaining({ state: 'pending' }));
});

test('a file that is there, though its sender was told otherwise, gives nothing back twice', async () => {
  const owner = newUser();
  const answer = await uploadUnannounced(owner, randomBytes(120_000));
  const { id } = FileInfo.parse(await answer.json());
  // As does an upload whose last commit was answered by nobody.
  await giveBackToDay(platform.database.query, id, DAILY_BYTES - 120_000);
  expect(await today(owner)).toBe(120_000);
});

test('uploads at the same time do not exceed the day together', async () => {
  const owner = newUser();
  const uploads = Array.from({ length: 6 }, () => upload(owner, randomBytes(60_000)));
  const statuses = (await Promise.all(uploads)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 201)).toHaveLength(3);
  expect(statuses.filter((status) => status === 429)).toHaveLength(3);
  expect(await today(owner)).toBe(180_000);
});

test('uploads of one owner that begin and end at the same time do not lock each other out', async () => {
  const owner = newUser();
  const refused: number[] = [];
  const uploadSome = async () => {
    for (let count = 0; count < 10; count++) {
      const { status } = await upload(owner, randomBytes(10));
      if (status !== 201) refused.push(status);
    }
  };
  await Promise.all(Array.from({ length: 6 }, uploadSome));
  expect(refused).toEqual([]);
  expect(await today(owner)).toBe(600);
});

test('what is beyond the quota is refused as such, since waiting would not help', async () => {
  const owner = newUser();
  const refused = await refusal(await upload(owner, randomBytes(QUOTA_BYTES + 1)));
  expect(refused.is).toBe('507 file.quota');
  expect(refused.problem.bytesLeft).toBe(DAILY_BYTES);
  expect(refused.answer.headers.get('retry-after')).toBeNull();
  expect(await today(owner)).toBe(0);
});

test('a file may be given an end, which is not past', async () => {
  const owner = newUser();
  const send = (expiresAt: string) =>
    call(platform, owner, `upload?expiresAt=${encodeURIComponent(expiresAt)}`, {
      ...{ method: 'POST', headers: OCTETS, body: randomBytes(10) },
    });
  const end = new Date(Date.now() + 60_000).toISOString();
  const answer = await send(end);
  expect(answer.status).toBe(201);
  const { id, expiresAt } = await answer.json();
  expect(expiresAt).toBe(end);
  const info = await call(platform, owner, `${id}/info`);
  expect(await info.json()).toMatchObject({ expiresAt: end });
  for (const wrong of [new Date(Date.now() - 1).toISOString(), 'tomorrow']) {
    expect(await problemOf(await send(wrong))).toBe('400 request.invalid');
  }
});

test("an owner's days are in the export", async () => {
  const owner = newUser();
  await stored(owner, randomBytes(1234));
  const input = { params: { user_id: owner } };
  const { tables } = await callPeer(platform.fetch, exportFiles, input, INTERNAL_SECRET);
  const day = new Date().toISOString().slice(0, 10);
  expect(tables.usage_days).toEqual([{ day, bytes: 1234 }]);
});

test('what an upload did not bring that died or whose time is over is given back to its day', async () => {
  const owner = newUser();
  await stored(owner, randomBytes(1000));
  const { pool } = platform.database;
  // A process died while one came in one request; another one brought a tenth of an upload that was never continued.
  await pool.query('update file.files set state = $2 where owner = $1', [owner, 'pending']);
  const uploader = { user: owner, platform };
  const path = await begin(uploader, 50_000);
  await bring(uploader, path, { offset: 0, body: randomBytes(5_000) });
  expect(await today(owner)).toBe(51_000);
  await sweepOnce(platform, { aheadMs: 2 * 60 * 60_000 });
  expect(await today(owner)).toBe(50_000);
  await pool.query(
    `update file.uploads set expires_at = now() - interval '1 second', writer_until = null, writer = null
     from file.files where files.id = uploads.file and files.owner = $1`,
    [owner],
  );
  await sweepOnce(platform);
  expect(await today(owner)).toBe(5_000);
  expect(await usage(platform, owner)).toBe(0);
});
