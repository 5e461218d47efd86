/** Each answer is of a real server; `fetch` of Node says what is right. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { nodeFetch } from './node-fetch.ts';

const BYTES = crypto.getRandomValues(new Uint8Array(60_000));

let servers: Server[] = [];

afterEach(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  servers = [];
});

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/path?a=b`;
}

describe.each([
  ['node:http', nodeFetch],
  ['fetch', globalThis.fetch],
])('bytes by %s', (_, ask) => {
  test('arrive whole, with what is said of them, and the answer comes back', async () => {
    let got: Buffer | undefined;
    const url = await serve(async (request, response) => {
      got = await buffer(request);
      const { 'content-length': length, 'x-own': own } = request.headers;
      response.writeHead(201, { 'x-said': `${request.method} ${request.url} ${length} ${own}` });
      response.end('{"a":1}');
    });
    const answer = await ask(url, { method: 'PATCH', headers: { 'x-own': 'yes' }, body: BYTES });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('x-said')).toBe('PATCH /path?a=b 60000 yes');
    expect(await answer.json()).toEqual({ a: 1 });
    expect(got?.equals(BYTES)).toBe(true);
  });

  test('are answered without a body, too', async () => {
    const url = await serve(async (request, response) => {
      await buffer(request);
      response.writeHead(204, { 'upload-offset': '5' }).end();
    });
    const answer = await ask(url, { method: 'PATCH', body: BYTES });
    expect(answer.body).toBeNull();
    expect(answer.headers.get('upload-offset')).toBe('5');
  });

  test('do not follow a redirect', async () => {
    const url = await serve((request, response) => {
      request.resume();
      response.writeHead(307, { location: '/elsewhere' }).end();
    });
    const asking = ask(url, { method: 'POST', body: BYTES, redirect: 'error' });
    await expect(asking).rejects.toThrow(TypeError);
  });

  test('are refused before all of them have come', async () => {
    const url = await serve((_, response) => {
      response.writeHead(413, { connection: 'close' }).end('too much');
    });
    const answer = await ask(url, { method: 'POST', body: BYTES });
    expect(answer.status).toBe(413);
    expect(await answer.text()).toBe('too much');
  });

  test('are given up with the reason of the signal, also while an answer comes', async () => {
    const url = await serve(async (request, response) => {
      await buffer(request);
      if (request.headers['x-begin'] === 'yes') response.write('begun');
    });
    const reason = new Error('enough');
    const silent = AbortSignal.abort(reason);
    await expect(ask(url, { method: 'POST', body: BYTES, signal: silent })).rejects.toBe(reason);
    const waiting = new AbortController();
    const asking = ask(url, { method: 'POST', body: BYTES, signal: waiting.signal });
    setTimeout(() => waiting.abort(reason), 20);
    await expect(asking).rejects.toBe(reason);
    const reading = new AbortController();
    const headers = { 'x-begin': 'yes' };
    const answer = await ask(url, { method: 'POST', headers, body: BYTES, signal: reading.signal });
    reading.abort(reason);
    await expect(answer.text()).rejects.toThrow();
  });

  test('that nobody takes are told by the system’s word', async () => {
    const url = await serve(() => {});
    await new Promise((resolve) => servers.pop()?.close(resolve));
    const error: unknown = await ask(url, { method: 'POST', body: BYTES }).catch((why) => why);
    const told = error instanceof Error ? (error.cause ?? error) : undefined;
    expect(told).toMatchObject({ code: 'ECONNREFUSED' });
  });
});

test('whatever is not bytes goes by fetch', async () => {
  const url = await serve(async (request, response) => {
    response.end(`${request.method} ${await buffer(request)}`);
  });
  expect(await (await nodeFetch(url)).text()).toBe('GET ');
  expect(await (await nodeFetch(url, { method: 'POST', body: 'text' })).text()).toBe('POST text');
});

test('bytes that were not sent when the answer came are not sent after it', async () => {
  const body = new Uint8Array(64 * 1024 * 1024);
  const { promise: over, resolve } = Promise.withResolvers<{ arrived: number; others: boolean }>();
  const server = createTcpServer((socket) => {
    socket.once('data', () => {
      socket.pause();
      socket.write('HTTP/1.1 204 No Content\r\nupload-offset: 5\r\n\r\n');
    });
    let [arrived, others] = [0, false];
    goOn = () => {
      socket.on('data', (bytes: Buffer) => {
        arrived += bytes.length;
        others ||= bytes.includes(7);
      });
      socket.resume();
    };
    socket.on('error', () => {}).on('close', () => resolve({ arrived, others }));
  });
  let goOn = (): void => {};
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const answer = await nodeFetch(`http://127.0.0.1:${port}/`, { method: 'PATCH', body });
  expect(answer.status).toBe(204);
  body.fill(7);
  goOn();
  const { arrived, others } = await over;
  expect(others).toBe(false);
  expect(arrived).toBeLessThan(body.length);
  await new Promise((done) => server.close(done));
});
