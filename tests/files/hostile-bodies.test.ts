/**
 * Uploads that lie about their length, have no end, or hardly begin, through gateway and file service as processes of
 * their own: each gets the status that the contract states, nobody else waits for it, and nothing of it stays.
 */
import { FILE_BYTES_MAX } from '@sotto/api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cluster, NO_LIMITS, startCluster, withClient } from '../cluster.ts';
import { waitFor } from '../daemon.ts';
import { knock, PASSWORD } from '../security/doors.ts';
import { watchPeak } from './peak.ts';
import { findRemains, NOTHING } from './remains.ts';
import { begin, openSlowBodies } from './slow-bodies.ts';
import { chunked, refusalIn, speakBody } from './spoken-body.ts';

const MIB = 1024 * 1024;
const OCTETS = { 'content-type': 'application/octet-stream' };

/** Of either process: for one upload or for many that bring little, and for as many as there can be. */
const GROWTH_MIB_MAX = 32;
const GROWTH_OF_ALL_MIB_MAX = 200;

/** However busy the machine is. */
const SOON_MS = 30_000;

let cluster: Cluster;
let mallory: string;
let alice: string;
/** How far file service and gateway have grown since they were warm, at their highest. */
let growths: (() => number)[];

beforeAll(async () => {
  // Who is slow is to hang for as long as a test takes.
  cluster = await startCluster({ ...NO_LIMITS, FILE_UPLOAD_STALL: '120s' });
  [mallory, alice] = [await register('Mallory'), await register('Alice')];
  // Code gets compiled, connections opened, and the collector finds its pace.
  for (let time = 0; time < 20; time++) await storeAndRead(`letter ${time}`);
  for (let time = 0; time < 3; time++) await storeAndRead('x'.repeat(16 * MIB));
  const { file, gateway } = cluster.processes;
  growths = [watchPeak(file.pid), watchPeak(gateway.pid)];
}, 120_000);
afterAll(() => cluster?.close());

async function register(username: string): Promise<string> {
  const body = { username, password: PASSWORD };
  const answer = await knock(`${cluster.url}/api/v1/auth/register`, { method: 'POST', body });
  return (answer.body as { accessToken: string }).accessToken;
}

/** Whatever a refused upload has left goes with its refusal, or right after it. */
async function assertNothingStays(): Promise<void> {
  const clean = async () => {
    expect(await findRemains(cluster)).toEqual(NOTHING);
    return true;
  };
  await waitFor(clean, SOON_MS);
}

async function filesNow(): Promise<{ id: string; size: string; state: string }[]> {
  const found: { id: string; size: string; state: string }[] = [];
  await withClient(cluster.environment.DATABASE_URL ?? '', async (client) => {
    found.push(...(await client.query('select id, size, state from file.files')).rows);
  });
  return found;
}

describe('a body', () => {
  test('that announces one byte over the limit is refused before it comes', async () => {
    const headers = { ...OCTETS, 'content-length': String(FILE_BYTES_MAX + 1) };
    const body = await speakBody(cluster.url, { token: mallory, headers });
    await body.say('the first of it');
    expect(refusalIn(await body.heard)).toBe('413 request.too-large');
    await assertNothingStays();
  });

  test('without an end is cut off at the limit, and held by nobody meanwhile', async () => {
    const headers = { ...OCTETS, 'transfer-encoding': 'chunked' };
    const body = await speakBody(cluster.url, { token: mallory, headers });
    const said = await body.sayForEver(chunked(Buffer.alloc(256 * 1024)));
    expect(refusalIn(await body.heard)).toBe('413 request.too-large');
    // What had left when the refusal came lies in sockets on the way.
    expect(said).toBeLessThan(FILE_BYTES_MAX + 32 * MIB);
    for (const growth of growths) expect(growth()).toBeLessThan(GROWTH_MIB_MAX);
    await assertNothingStays();
  });

  test('that is shorter than it said stores nothing', async () => {
    const headers = { ...OCTETS, 'content-length': '1000000' };
    const body = await speakBody(cluster.url, { token: mallory, headers });
    await body.say(Buffer.alloc(999_999));
    body.end();
    // A gateway that was told half of it may say why, or just hang up; it does not say that all is well.
    expect(refusalIn(await body.heard)).toMatch(/^(400|nothing)/);
    await assertNothingStays();
  });

  test('that is longer than it said is taken as it was announced, and the rest is no request', async () => {
    const headers = { ...OCTETS, 'content-length': '1000' };
    const body = await speakBody(cluster.url, { token: mallory, headers });
    await body.say(Buffer.alloc(2_000, 'x'));
    const statuses = (await body.heard).match(/(?<=HTTP\/1\.1 )\d+/g);
    expect(statuses?.at(-1)).toBe('400');
    // Who speaks so may not hear what became of the file, nor when. If there is one, it is as long as it was announced.
    const clean = async () => {
      for (const { id, size, state } of await filesNow()) {
        if (state !== 'stored') continue;
        expect(size).toBe('1000');
        await knock(`${cluster.url}/api/v1/files/${id}`, { method: 'DELETE', token: mallory });
      }
      expect(await findRemains(cluster)).toEqual(NOTHING);
      return true;
    };
    await waitFor(clean, SOON_MS);
  });

  test('that brings a byte a second is given up', async () => {
    const { url: FILE_URL } = await cluster.startAnother('file', { FILE_UPLOAD_STALL: '1500ms' });
    const { url } = await cluster.startAnother('gateway', { FILE_URL });
    const headers = { ...OCTETS, 'content-length': '1000' };
    const body = await speakBody(url, { token: mallory, headers });
    const trickle = setInterval(() => void body.say('.'), 1_000);
    try {
      expect(refusalIn(await body.heard)).toBe('408 request.timeout');
    } finally {
      clearInterval(trickle);
    }
    await assertNothingStays();
  });

  test('of a hundred that hang keeps nobody waiting, and takes next to no memory', async () => {
    const hostile = { token: mallory, count: 100, broughtBytes: 128 * 1024 };
    const slow = await openSlowBodies(cluster.url, hostile);
    try {
      for (let time = 0; time < 20; time++) await storeAndRead(`letter ${time}`);
      expect(slow.refusals()).toEqual([]);
      for (const growth of growths) expect(growth()).toBeLessThan(GROWTH_MIB_MAX);
    } finally {
      await slow.leave();
    }
    await assertNothingStays();
  }, 120_000);

  test('of a hundred that take all memory is given up where somebody waits, and no other', async () => {
    const hostile = { token: mallory, count: 100, broughtBytes: 1.5 * MIB };
    const slow = await openSlowBodies(cluster.url, hostile);
    try {
      for (let time = 0; time < 20; time++) await storeAndRead(`letter ${time}`);
      for (const refusal of slow.refusals()) expect(refusal).toMatch(GIVEN_UP);
      for (const growth of growths) expect(growth()).toBeLessThan(GROWTH_OF_ALL_MIB_MAX);
    } finally {
      await slow.leave();
    }
    await assertNothingStays();
  }, 120_000);
});

/** Too slow while others wait, or no room in all the time that somebody may wait. */
const GIVEN_UP = /^(408 request\.timeout|503 service\.unavailable)$/;

describe('a resumable upload', () => {
  const TUS = { 'tus-resumable': '1.0.0', 'content-type': 'application/offset+octet-stream' };

  test('of one byte over the limit is not begun', async () => {
    const url = `${cluster.url}/api/v1/files/uploads`;
    const headers = { ...TUS, 'upload-length': String(FILE_BYTES_MAX + 1) };
    const answer = await knock(url, { method: 'POST', token: mallory, headers });
    expect([answer.status, answer.body]).toMatchObject([413, { code: 'request.too-large' }]);
    await assertNothingStays();
  });

  test.each([
    ['announces more than it lacks', { 'content-length': '1001' }, Buffer.alloc(1001)],
    ['has no end', { 'transfer-encoding': 'chunked' }, chunked(Buffer.alloc(64 * 1024))],
  ])('takes no more than its length from a body that %s', async (_, length, piece) => {
    const path = await begin(cluster.url, mallory, 1000);
    const headers = { ...TUS, ...length, 'upload-offset': '0' };
    const body = await speakBody(cluster.url, { token: mallory, method: 'PATCH', path, headers });
    await body.say(piece);
    expect(refusalIn(await body.heard)).toBe('413 request.too-large');
    const gone = { method: 'DELETE', token: mallory, headers: TUS };
    expect((await knock(`${cluster.url}${path}`, gone)).status).toBe(204);
    await assertNothingStays();
  });
});

/** What somebody else does meanwhile: every step is answered as ever. */
async function storeAndRead(text: string): Promise<void> {
  const authorization = `Bearer ${alice}`;
  const signal = AbortSignal.timeout(SOON_MS);
  const stored = await fetch(`${cluster.url}/api/v1/files/upload`, {
    ...{ method: 'POST', body: text, signal },
    headers: { authorization, ...OCTETS },
  });
  expect(stored.status).toBe(201);
  const { id } = (await stored.json()) as { id: string };
  const url = `${cluster.url}/api/v1/files/${id}`;
  const read = await fetch(url, { headers: { authorization }, signal });
  expect(await read.text()).toBe(text);
  expect((await knock(`${url}/info`, { token: alice })).status).toBe(200);
  expect((await knock(url, { method: 'DELETE', token: alice })).status).toBe(204);
}
