import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { FILE_BYTES_MAX } from '@sotto/api';
import type { Blobs } from '@sotto/runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { call, newUser, OCTETS, problemOf, rows, stored, until, usage } from './client.fixture.ts';
import { type Platform, type PlatformOptions, startPlatform } from './platform.fixture.ts';
import { sweepOnce } from './sweep.fixture.ts';

let platform: Platform;
const start = async (options: Omit<PlatformOptions, 'store'> = {}) => {
  platform = await startPlatform({ store: 'directory', ...options });
};
afterEach(() => platform.close());

/** Opens an upload by hand and gives what the service answers until it hangs up. */
function raw(head: string[], body: (write: (chunk: Uint8Array | string) => void) => void) {
  const { hostname, port } = new URL(platform.url);
  const socket = connect(Number(port), hostname);
  const answer = new Promise<string>((resolve, reject) => {
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('close', () => resolve(text));
    socket.on('error', (error) => (text === '' ? reject(error) : resolve(text)));
  });
  socket.write(
    `${['POST /api/v1/files/upload HTTP/1.1', 'Host: file.test', ...head].join('\r\n')}\r\n\r\n`,
  );
  body((chunk) => socket.write(chunk));
  return { answer, socket };
}

const uploadHead = (...more: string[]) => [
  `Authorization: Bearer ${platform.token(newUser())}`,
  'Content-Type: application/octet-stream',
  ...more,
];

/** What fetch wants for a body that is a stream; the types of browsers do not know it. */
const HALF_DUPLEX = { duplex: 'half' };

const clean = async () => (await rows(platform)).length === 0;

describe('an upload', () => {
  it('of the largest size is taken, and of one byte more refused, whether announced or not', async () => {
    await start();
    const owner = newUser();
    const answers = [];
    for (const size of [FILE_BYTES_MAX, FILE_BYTES_MAX + 1]) {
      const response = await fetch(`${platform.url}/api/v1/files/upload`, {
        method: 'POST',
        headers: { authorization: `Bearer ${platform.token(owner)}`, ...OCTETS },
        body: zeros(size),
        ...HALF_DUPLEX,
      });
      answers.push(response.status);
    }
    expect(answers).toEqual([201, 413]);
    const announced = raw(uploadHead(`Content-Length: ${FILE_BYTES_MAX + 1}`), () => undefined);
    expect(await announced.answer).toMatch(
      /^HTTP\/1\.1 413 .*connection: close.*request\.too-large/is,
    );
    expect(await rows(platform)).toHaveLength(1);
    expect(await usage(platform, owner)).toBe(FILE_BYTES_MAX);
  });

  it('that never ends is cut off at the limit', async () => {
    await start();
    const chunk = Buffer.alloc(1024 * 1024);
    const frame = Buffer.concat([Buffer.from('100000\r\n'), chunk, Buffer.from('\r\n')]);
    const { answer, socket } = raw(uploadHead('Transfer-Encoding: chunked'), () => undefined);
    const more = () => {
      socket.write(frame, (error) => {
        if (!error) more();
      });
    };
    more();
    expect(await answer).toMatch(/^HTTP\/1\.1 413 /);
    await until(clean);
  });

  it('that breaks off leaves nothing', async () => {
    await start();
    const { answer, socket } = raw(uploadHead('Content-Length: 10000000'), (write) =>
      write(Buffer.alloc(2_000_000)),
    );
    await until(async () => (await rows(platform)).length === 1);
    socket.destroy();
    await answer;
    await until(clean);
  });

  it('that trickles is given up', async () => {
    await start({ environment: { FILE_UPLOAD_STALL: '300ms' } });
    const { answer, socket } = raw(uploadHead('Content-Length: 1000000'), () => undefined);
    const timer = setInterval(() => socket.write('x'), 20);
    expect(await answer).toMatch(/^HTTP\/1\.1 408 .*request\.timeout/s);
    clearInterval(timer);
    await until(clean);
  });

  it('is not lost on the way to a store that fails: it is refused, and nothing stays', async () => {
    await start({
      withBlobs: (blobs) => ({
        ...blobs,
        put: async (key, body) => {
          await blobs.put(key, body);
          throw new Error('the disk is full');
        },
      }),
    });
    const response = await call(platform, newUser(), 'upload', {
      method: 'POST',
      headers: OCTETS,
      body: randomBytes(1000),
    });
    expect(await problemOf(response)).toBe('500 internal');
    expect(await clean()).toBe(true);
  });

  it('whose process died is swept up an hour later, with its blob and its reservation', async () => {
    await start();
    const owner = newUser();
    const { id } = await stored(platform, owner, randomBytes(700));
    const { query } = platform.database;
    await query.updateTable('files').set({ state: 'pending' }).where('id', '=', id).execute();
    const [row] = await rows(platform);

    await sweepOnce(platform, { aheadMs: 59 * 60_000 });
    expect(await rows(platform)).toHaveLength(1);
    await sweepOnce(platform, { aheadMs: 61 * 60_000 });
    expect(await rows(platform)).toHaveLength(0);
    expect(await usage(platform, owner)).toBe(0);
    expect(await platform.blobs.get(row?.blob_key ?? '')).toBeUndefined();
  });
});

describe('a download', () => {
  const withStore =
    (alter: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>) => (blobs: Blobs) => ({
      ...blobs,
      get: async (...[key, range]: Parameters<Blobs['get']>) => {
        const blob = await blobs.get(key, range);
        if (blob === undefined) return undefined;
        const bytes = new Uint8Array(await new Response(blob.body).arrayBuffer());
        return { size: blob.size, body: new Blob([alter(bytes)]).stream() };
      },
    });

  function flipLast(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    return bytes.with(-1, (bytes.at(-1) ?? 0) ^ 1);
  }

  it.each([
    ['altered', flipLast],
    ['cut short', (bytes: Uint8Array<ArrayBuffer>) => bytes.subarray(0, -1)],
    ['prolonged', (bytes: Uint8Array<ArrayBuffer>) => new Uint8Array([...bytes, 0])],
  ])('of bytes that the store has %s does not end as a whole file', async (_, alter) => {
    await start({ withBlobs: withStore(alter) });
    const owner = newUser();
    const { id } = await stored(platform, owner, randomBytes(200_000));
    const response = await fetch(`${platform.url}/api/v1/files/${id}`, {
      headers: { authorization: `Bearer ${platform.token(owner)}` },
    });
    expect(response.status).toBe(200);
    await expect(response.arrayBuffer()).rejects.toThrow();
  });

  it.each([
    ['altered, asked for as a range of all', 'bytes=0-', flipLast],
    ['cut short', 'bytes=5-150000', (bytes: Uint8Array<ArrayBuffer>) => bytes.subarray(0, -1)],
    ['prolonged', 'bytes=5-9', (bytes: Uint8Array<ArrayBuffer>) => new Uint8Array([...bytes, 0])],
  ])('of a range that the store has %s does not end as that range', async (_, range, alter) => {
    await start({ withBlobs: withStore(alter) });
    const owner = newUser();
    const { id } = await stored(platform, owner, randomBytes(200_000));
    const response = await call(platform, owner, id, { headers: { range } });
    expect(response.status).toBe(206);
    await expect(response.arrayBuffer()).rejects.toThrow();
  });

  it.each([
    ['GET', {}],
    ['GET', { range: 'bytes=10-20' }],
    ['HEAD', {}],
  ])(
    'by %s %j of a blob that the store has lost or cut is a fault, not a file',
    async (method, headers) => {
      await start();
      const owner = newUser();
      for (const change of ['lost', 'cut']) {
        const { id } = await stored(platform, owner);
        const row = (await rows(platform)).at(-1);
        const key = row?.blob_key ?? '';
        await platform.blobs.delete(key);
        if (change === 'cut') await platform.blobs.put(key, new Blob(['123']).stream());
        expect((await call(platform, owner, id, { method, headers })).status).toBe(500);
        await call(platform, owner, id, { method: 'DELETE' });
      }
    },
  );

  it('beside as many others of the same reader is refused until one ends, and other readers are not', async () => {
    await start();
    const owner = newUser();
    const { id } = await stored(platform, owner, randomBytes(1_000_000));
    const held = [];
    for (let count = 0; count < 8; count++) held.push(await call(platform, owner, id));
    const refused = await call(platform, owner, id);
    expect(refused.headers.get('retry-after')).toBe('2');
    expect(await problemOf(refused)).toBe('429 rate.limited');
    expect((await call(platform, owner, id, { method: 'HEAD' })).status).toBe(200);
    const other = newUser();
    const { id: another } = await stored(platform, other, randomBytes(10));
    expect((await call(platform, other, another)).status).toBe(200);
    await held[0]?.arrayBuffer();
    await held[1]?.body?.cancel();
    for (let count = 0; count < 2; count++) {
      expect((await call(platform, owner, id)).status).toBe(200);
    }
    expect((await call(platform, owner, id)).status).toBe(429);
  });

  it('that its reader leaves lets go of the store', async () => {
    const open = new Set<object>();
    await start({
      withBlobs: (blobs) => ({
        ...blobs,
        get: async (key, range) => {
          const blob = await blobs.get(key, range);
          if (blob === undefined) return undefined;
          open.add(blob);
          return { ...blob, body: watched(blob.body, () => open.delete(blob)) };
        },
      }),
    });
    const owner = newUser();
    const { id } = await stored(platform, owner, randomBytes(20_000_000));
    const headers = { authorization: `Bearer ${platform.token(owner)}` };
    for (const read of [true, false]) {
      const leave = new AbortController();
      const { signal } = leave;
      const response = await fetch(`${platform.url}/api/v1/files/${id}`, { headers, signal });
      if (read) await response.body?.getReader().read();
      expect(open.size).toBe(1);
      leave.abort();
      await until(async () => open.size === 0);
    }
    const unread = await call(platform, owner, id);
    await unread.body?.cancel();
    expect(open.size).toBe(0);
  });

  it('that its reader leaves while the store keeps silent lets go of it at once, and is no damage', async () => {
    let isHeld = false;
    await start({
      withBlobs: (blobs) => ({
        ...blobs,
        get: async (key, range) => {
          const blob = await blobs.get(key, range);
          await blob?.body.cancel();
          isHeld = true;
          const pull = () => new Promise<void>(() => undefined);
          const body = new ReadableStream<Uint8Array>({
            pull,
            cancel() {
              isHeld = false;
            },
          });
          return blob && { ...blob, body };
        },
      }),
    });
    const owner = newUser();
    const { id } = await stored(platform, owner);
    const silent = await call(platform, owner, id);
    const reader = silent.body?.getReader();
    const read = reader?.read();
    await reader?.cancel();
    expect(await read).toMatchObject({ done: true });
    expect(isHeld).toBe(false);
    const metrics = await (await platform.fetch(new Request('http://file.test/metrics'))).text();
    expect(metrics).toContain('files_damaged_total');
    expect(metrics).not.toMatch(/files_damaged_total(\{.*\})? [1-9]/);
  });
});

/** A stream of zeros that is never whole in memory. */
function zeros(size: number): ReadableStream<Uint8Array> {
  let left = size;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const length = Math.min(left, 65_536);
        left -= length;
        if (length > 0) controller.enqueue(new Uint8Array(length));
        else controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

/** The same stream; tells when it has ended or was cancelled. */
function watched(body: ReadableStream<Uint8Array>, ended: () => void): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (!done) return controller.enqueue(value);
      ended();
      controller.close();
    },
    async cancel(reason) {
      ended();
      await reader.cancel(reason);
    },
  });
}
