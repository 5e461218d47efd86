/** The gateway when bodies are large, readers slow, services gone, and when it goes down itself. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import { CLOSE_CODES, SOCKET_PATH, SOCKET_PROTOCOL } from '@sotto/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Cluster, startCluster } from '../cluster.ts';
import { waitFor } from '../daemon.ts';
import type { PlatformProcess } from '../platform-process.ts';
import { PASSWORD } from './doors.ts';

const MEBIBYTE = 1024 * 1024;
const FILE_BYTES = 100 * MEBIBYTE;
const CHUNK = randomBytes(64 * 1024);

/** What the body would not fit into. */
const RSS_GROWTH_MAX = 50 * MEBIBYTE;

let cluster: Cluster;
let accessToken: string;
let fileId: string;

beforeAll(async () => {
  cluster = await startCluster({ LIMITS_USER_PER_MINUTE: '100000' });
  const response = await fetch(`${cluster.url}/api/v1/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'Uploader', password: PASSWORD }),
  });
  ({ accessToken } = (await response.json()) as { accessToken: string });
  for (const service of ['file', 'message'] as const) await knowsSessions(service);
});
afterAll(() => cluster?.close());

/** A service refuses everybody until it has heard which sessions have ended, which a start may take seconds to. */
async function knowsSessions(service: 'file' | 'message'): Promise<void> {
  const path = {
    file: '/api/v1/files/0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b/info',
    message: '/api/v1/conversations',
  }[service];
  await waitFor(async () => {
    const { status } = await fetch(cluster.url + path, { headers: authorization() });
    return status !== 503;
  }, 10_000);
}

const authorization = () => ({ authorization: `Bearer ${accessToken}` });

async function residentBytes({ url }: PlatformProcess): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^process_resident_memory_bytes\S* (\S+)$/m.exec(text)?.[1]);
}

/** The most that a process holds while the work is done, beyond what it held before. */
async function growthDuring(one: PlatformProcess, work: Promise<unknown>): Promise<number> {
  const before = await residentBytes(one);
  let most = before;
  let isDone = false;
  const finished = work.finally(() => {
    isDone = true;
  });
  // It is waited for below.
  finished.catch(() => undefined);
  while (!isDone) {
    most = Math.max(most, await residentBytes(one));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await finished;
  return most - before;
}

async function* content(): AsyncGenerator<Buffer> {
  for (let sent = 0; sent < FILE_BYTES; sent += CHUNK.length) yield CHUNK;
}

function answerTo(asked: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    asked.once('response', resolve);
    asked.on('error', reject);
  });
}

/** A download whose body nobody has begun to read. */
async function openDownload(): Promise<IncomingMessage> {
  const asked = request(`${cluster.url}/api/v1/files/${fileId}`, {
    headers: authorization(),
    agent: false,
  });
  asked.end();
  const answer = await answerTo(asked);
  expect(answer.statusCode).toBe(200);
  return answer.pause();
}

async function upload(): Promise<string> {
  const asked = request(`${cluster.url}/api/v1/files/upload`, {
    method: 'POST',
    headers: {
      ...authorization(),
      'content-type': 'application/octet-stream',
      'content-length': FILE_BYTES,
    },
  });
  Readable.from(content()).pipe(asked);
  const answer = await answerTo(asked);
  const text = (await answer.toArray()).join('');
  expect([answer.statusCode, text]).toEqual([201, expect.stringContaining(`${FILE_BYTES}`)]);
  return JSON.parse(text).id;
}

test('files of 100 MiB go up through the gateway, which holds none of them', async () => {
  // What the collector lets lie about is there after the first one.
  fileId = await upload();
  expect(await growthDuring(cluster.processes.gateway, upload())).toBeLessThan(RSS_GROWTH_MAX);
});

test('such a file comes down through the gateway, byte for byte, however slowly they are read', async () => {
  const digest = createHash('sha256');
  const expected = createHash('sha256');
  for await (const chunk of content()) expected.update(chunk);
  const download = async (): Promise<void> => {
    const answer = await openDownload();
    let bytes = 0;
    for await (const chunk of answer) {
      digest.update(chunk);
      bytes += chunk.length;
      // Slower than anything in between, for as long as most of the file is on its way.
      if (bytes % MEBIBYTE < chunk.length) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(bytes).toBe(FILE_BYTES);
  };
  expect(await growthDuring(cluster.processes.gateway, download())).toBeLessThan(RSS_GROWTH_MAX);
  expect(digest.digest('hex')).toBe(expected.digest('hex'));
});

/** What goes wrong on purpose is put right again. */
async function restart(service: 'file' | 'message'): Promise<void> {
  const { port } = new URL(cluster.processes[service].url);
  await cluster.startAnother(service, { SERVER_PORT: port });
  await knowsSessions(service);
}

test('a service that dies in a transfer breaks the transfer, and is reached again when it is back', async () => {
  const answer = await openDownload();
  const broken = once(answer, 'error');
  await cluster.processes.file.kill();
  answer.resume();
  const [error] = await broken;
  expect(error).toMatchObject({ code: 'ECONNRESET' });
  expect(answer.complete).toBe(false);

  const started = performance.now();
  const refused = await fetch(`${cluster.url}/api/v1/files/${fileId}/info`, {
    headers: authorization(),
  });
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).toBe('1');
  expect(await refused.json()).toMatchObject({ code: 'service.unavailable' });
  expect(performance.now() - started).toBeLessThan(10_000);
  // The others go on.
  const me = await fetch(`${cluster.url}/api/v1/auth/me`, { headers: authorization() });
  expect(me.status).toBe(200);
  expect((await fetch(`${cluster.url}/health/ready`)).status).toBe(503);

  await restart('file');
  const info = await fetch(`${cluster.url}/api/v1/files/${fileId}/info`, {
    headers: authorization(),
  });
  expect(info.status).toBe(200);
  await waitFor(async () => (await fetch(`${cluster.url}/health/ready`)).ok, 5_000);
});

async function connect(url: string): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}${SOCKET_PATH}`, [SOCKET_PROTOCOL], {
    headers: authorization(),
  });
  await once(socket, 'message');
  return socket;
}

test('a gateway that goes down sends its sockets away with a code to come again by, and ends in time', async () => {
  const gateway = await cluster.startAnother('gateway');
  const socket = await connect(gateway.url);
  const closed = once(socket, 'close');
  const started = performance.now();
  expect(await gateway.stop()).toBe(0);
  expect((await closed)[0]).toBe(CLOSE_CODES.draining);
  expect(performance.now() - started).toBeLessThan(10_000);
});

test('a message service that goes down sends its sockets away through the gateway', async () => {
  const socket = await connect(cluster.url);
  const closed = once(socket, 'close');
  expect(await cluster.processes.message.stop()).toBe(0);
  expect((await closed)[0]).toBe(CLOSE_CODES.draining);
  const refused = new WebSocket(`${cluster.url.replace('http', 'ws')}${SOCKET_PATH}`);
  const [, answer] = await once(refused, 'unexpected-response');
  expect(answer.statusCode).toBe(503);
  await restart('message');
  const again = await connect(cluster.url);
  again.terminate();
});
