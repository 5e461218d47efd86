/** Two requests for one upload: who waits, who wins, and what becomes of the bytes, over one process and over two. */
import { randomBytes, randomUUID } from 'node:crypto';
import { listen } from '@sotto/runtime';
import { sql, type Transaction } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTurns, type TurnsOptions } from '../src/resumable-turns.ts';
import type { FileTables } from '../src/schema.ts';
import { newUser, problemOf, sha256, stored, until } from './client.fixture.ts';
import { type Platform, startPlatform } from './platform.fixture.ts';
import {
  ask,
  begin,
  bring,
  bringRaw,
  checksumOf,
  download,
  idOf,
  leftovers,
  PART,
  standing,
  TUS,
  type Uploader,
} from './resumable.fixture.ts';

let platform: Platform;
/** A second process of the service. */
let other: { url: string; fetch: Platform['fetch'] };
const opened = new AsyncDisposableStack();
beforeAll(async () => {
  platform = await startPlatform({ store: 'directory' });
  opened.defer(() => platform.close());
  const service = await platform.startAnother();
  const listening = await listen(service, { host: '127.0.0.1', port: 0 });
  opened.defer(() => listening.close());
  other = { url: `http://127.0.0.1:${listening.port}`, fetch: service.fetch };
});
afterAll(() => opened.disposeAsync());

async function row(path: string) {
  const uploads = platform.database.query.selectFrom('uploads').selectAll();
  return uploads.where('file', '=', idOf(path)).executeTakeFirstOrThrow();
}

/** An upload whose request has brought some bytes, and hangs. */
async function hanging(uploader: Uploader, bytes: Uint8Array, url: string) {
  const path = await begin(uploader, bytes.byteLength);
  const body = bringRaw(uploader, path, { offset: 0, length: bytes.byteLength, url });
  body.socket.write(bytes.subarray(0, PART + 9));
  await until(async () => (await row(path)).attempt !== null, 30_000);
  return { path, ...body };
}

/** Turns that are not waited for as long as usual. */
function openImpatient(options: Partial<TurnsOptions> = {}) {
  const turns = openTurns({
    query: platform.database.query,
    clock: Date.now,
    patienceMs: 300,
    ...options,
    onFailure(error) {
      throw error;
    },
  });
  return { ...turns, [Symbol.dispose]: () => turns.close() };
}

/** Of a client that waits for its answer. */
const here = new AbortController().signal;

const places = [
  ['of the same process', () => platform.url],
  ['of another process', () => other.url],
] as const;

test.each(places)('who comes back wins over its old request %s that hangs', async (_, url) => {
  const uploader = { user: newUser(), platform };
  const bytes = randomBytes(PART + 1000);
  const { path, answer } = await hanging(uploader, bytes, url());
  const offset = PART + 9;
  // What had come is kept, and nothing comes after it.
  expect(await standing(uploader, path)).toBe(offset);
  expect(await answer).toMatch(/^HTTP\/1\.1 423 .*connection: close.*upload\.locked/is);
  const last = await bring(uploader, path, { offset, body: bytes.subarray(offset) });
  expect(last.status).toBe(204);
  expect(sha256(await download(uploader, path))).toBe(sha256(bytes));
  expect(await leftovers(platform)).toEqual([]);
});

test('of many requests at once for the same bytes one stores them', async () => {
  const user = newUser();
  const bytes = randomBytes(700);
  const path = await begin({ user, platform }, 1400);
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, at) => {
      const { fetch } = at % 2 === 0 ? platform : other;
      return bring({ user, platform, fetch }, path, { offset: 0, body: bytes });
    }),
  );
  const refused = answers.filter(({ status }) => status !== 204);
  expect(refused).toHaveLength(7);
  for (const answer of refused) {
    expect(await problemOf(answer)).toMatch(/^409 upload.offset-conflict|^423 upload.locked/);
  }
  await bring({ user, platform }, path, { offset: 700, body: bytes });
  const whole = Buffer.concat([bytes, bytes]);
  expect(sha256(await download({ user, platform }, path))).toBe(sha256(whole));
  expect(await leftovers(platform)).toEqual([]);
});

test('a process that died keeps nobody waiting for more than seconds', async () => {
  const uploader = { user: newUser(), platform };
  const path = await begin(uploader, 20);
  await bring(uploader, path, { offset: 0, body: randomBytes(10) });
  const { query } = platform.database;
  await query
    .updateTable('uploads')
    .set({ writer: randomUUID(), writer_until: new Date(Date.now() + 1_500) })
    .where('file', '=', idOf(path))
    .execute();
  const answer = await bring(uploader, path, { offset: 10, body: randomBytes(10) });
  expect(answer.status).toBe(204);
});

test('a request that lives and does not end is not waited for long', async () => {
  const uploader = { user: newUser(), platform };
  const path = await begin(uploader, 20);
  const { query } = platform.database;
  const held = { writer: randomUUID(), writer_until: new Date(Date.now() + 60_000) };
  await query.updateTable('uploads').set(held).where('file', '=', idOf(path)).execute();
  using impatient = openImpatient();
  await expect(impatient.take(idOf(path), uploader.user, here)).rejects.toMatchObject({
    code: 'upload.locked',
    options: { retryAfter: 1 },
  });
  // It was told.
  expect((await row(path)).writer_wanted).toBe(true);
});

test('a request whose turn was taken away stores nothing any more', async () => {
  const uploader = { user: newUser(), platform };
  const bytes = randomBytes(2 * PART);
  const { path, socket, answer } = await hanging(uploader, bytes, platform.url);
  await until(async () => {
    const parts = platform.database.query.selectFrom('upload_parts').selectAll();
    return (await parts.where('file', '=', idOf(path)).execute()).length === 1;
  }, 30_000);
  await platform.database.query
    .updateTable('uploads')
    .set({ writer: null, writer_until: null })
    .where('file', '=', idOf(path))
    .execute();
  socket.write(bytes.subarray(PART + 9));
  expect(await answer).toMatch(/^HTTP\/1\.1 423 /);
  expect(await standing(uploader, path)).toBe(PART);
});

test('a request whose turn was taken away deletes no file that another made of the upload meanwhile', async () => {
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const slow = await platform.startAnother({
    blobs: {
      ...platform.blobs,
      async putPart(attempt, part) {
        reached.resolve();
        await gate.promise;
        return platform.blobs.putPart(attempt, part);
      },
    },
  });
  const user = newUser();
  const bytes = randomBytes(PART + 1000);
  const path = await begin({ user, platform }, bytes.byteLength);
  const { fetch } = slow;
  const late = bring({ user, platform, fetch }, path, {
    ...{ offset: 0, body: bytes.subarray(0, PART) },
    headers: checksumOf(bytes.subarray(0, PART)),
  });
  await reached.promise;
  await platform.database.query
    .updateTable('uploads')
    .set({ writer: null, writer_until: null })
    .where('file', '=', idOf(path))
    .execute();
  const again = await bring({ user, platform }, path, { offset: 0, body: bytes });
  expect(again.status).toBe(204);
  gate.resolve();
  expect(await problemOf(await late)).toBe('423 upload.locked');
  expect(sha256(await download({ user, platform }, path))).toBe(sha256(bytes));
});

/** Holds the row of an upload, as a transaction of somebody else does, while something else happens. */
async function whileLocked(path: string, task: (transaction: Transaction<FileTables>) => unknown) {
  await platform.database.query.transaction().execute(async (transaction) => {
    const uploads = transaction.selectFrom('uploads').selectAll();
    await uploads.where('file', '=', idOf(path)).forUpdate().execute();
    await task(transaction);
  });
}

test('a turn that is not renewed in time is over, also while the database does not answer', async () => {
  const uploader = { user: newUser(), platform };
  const path = await begin(uploader, 20);
  using turns = openImpatient({ leaseMs: 1_500 });
  const { turn } = await turns.take(idOf(path), uploader.user, here);
  await whileLocked(path, () => until(async () => turn?.signal.aborted === true, 30_000));
  await turn?.[Symbol.asyncDispose]();
});

test('who waited for the row takes the turn with the attempt that stands in it then', async () => {
  const uploader = { user: newUser(), platform };
  const path = await begin(uploader, 20);
  const { query } = platform.database;
  using turns = openImpatient();
  let taking: ReturnType<typeof turns.take> | undefined;
  await whileLocked(path, async (transaction) => {
    taking = turns.take(idOf(path), uploader.user, here);
    await until(async () => {
      const { rows } = await sql`select from pg_locks where not granted`.execute(query);
      return rows.length > 0;
    });
    const uploads = transaction.updateTable('uploads').set({ attempt: 'of the other' });
    await uploads.where('file', '=', idOf(path)).execute();
  });
  const taken = await taking;
  expect(taken?.upload.attempt).toBe('of the other');
  await taken?.turn?.[Symbol.asyncDispose]();
});

test('who waits for a turn asks a few times, and no more once its client is gone', async () => {
  const uploader = { user: newUser(), platform };
  const path = await begin(uploader, 20);
  const held = { writer: randomUUID(), writer_until: new Date(Date.now() + 60_000) };
  const { query } = platform.database;
  await query.updateTable('uploads').set(held).where('file', '=', idOf(path)).execute();
  let asked = 0;
  const counted = query.withPlugin({
    transformQuery({ node }) {
      asked += 1;
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  using turns = openImpatient({ query: counted, patienceMs: 1_200 });
  const waiting = expect(turns.take(idOf(path), uploader.user, here)).rejects;
  await waiting.toMatchObject({ code: 'upload.locked' });
  expect(asked).toBeLessThan(8);

  const client = new AbortController();
  using patient = openImpatient({ query: counted, patienceMs: 600_000 });
  const leaving = expect(patient.take(idOf(path), uploader.user, client.signal)).rejects;
  client.abort();
  await leaving.toMatchObject({ code: 'upload.locked' });
  asked = 0;
  const late = expect(patient.take(idOf(path), uploader.user, client.signal)).rejects;
  await late.toMatchObject({ code: 'upload.locked' });
  expect(asked).toBe(0);
});

test('an upload that is over gives back what it did not bring once, however many delete it', async () => {
  const uploader = { user: newUser(), platform };
  await stored(platform, uploader.user, randomBytes(9_000));
  const path = await begin(uploader, 3_000);
  const { query } = platform.database;
  const over = { expires_at: new Date(Date.now() - 1) };
  await query.updateTable('uploads').set(over).where('file', '=', idOf(path)).execute();
  const remove = () => ask(uploader, path, { method: 'DELETE', headers: TUS });
  const answers = await Promise.all([remove(), remove(), remove(), remove(), remove(), remove()]);
  expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
  const days = query.selectFrom('usage_days').select('bytes').where('owner', '=', uploader.user);
  expect(await days.execute()).toEqual([{ bytes: 9_000 }]);
});
