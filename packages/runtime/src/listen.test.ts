import { once } from 'node:events';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { ApiError, Problem } from '@sotto/api';
import { expect, onTestFinished, test, vi } from 'vitest';
import { setup } from './http.fixture.ts';
import { DRAIN_MS } from './limits.ts';
import { listen } from './listen.ts';
import type { Fetch, Relay, Upgrade } from './service.ts';

interface Given {
  fetch?: Fetch;
  upgrade?: Upgrade;
  connectionsMax?: number;
  headersMs?: number;
  drainMs?: number;
}

async function serve({ connectionsMax, headersMs, drainMs, ...given }: Given = {}) {
  const { app } = setup();
  const place = {
    host: '127.0.0.1',
    port: 0,
    ...(connectionsMax !== undefined && { connectionsMax }),
    ...(headersMs !== undefined && { headersMs }),
    ...(drainMs !== undefined && { drainMs }),
  };
  const listening = await listen({ fetch: app.fetch, ...given }, place);
  onTestFinished(() => listening.close());
  return { ...listening, url: `http://127.0.0.1:${listening.port}` };
}

/** Says something on a connection and hears it out until the other end closes. */
async function talk(port: number, words: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  let heard = '';
  socket.on('data', (data) => {
    heard += data.toString('latin1');
  });
  socket.on('error', () => undefined);
  socket.write(words);
  await once(socket, 'close');
  return heard;
}

const HEADERS = 'Host: x\r\nConnection: close\r\nContent-Type: application/json\r\n';

test('requests over a socket are answered as they are without one', async () => {
  const { url } = await serve();
  const response = await fetch(`${url}/things/abc`, {
    method: 'POST',
    body: '{"text":"x"}',
    headers: { 'content-type': 'application/json' },
  });
  expect(response.status).toBe(201);
  expect(await response.json()).toEqual({ id: 'abc', limit: 3, text: 'x' });
});

test('a port that is taken is an error', async () => {
  const { port } = await serve();
  const { app } = setup();
  await expect(listen({ fetch: app.fetch }, { host: '127.0.0.1', port })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  });
});

test.each([
  ['no HTTP at all', 'hello\r\n\r\n', '400'],
  [
    'two lengths',
    `POST /things/a HTTP/1.1\r\n${HEADERS}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`,
    '400',
  ],
  [
    'a length and chunks',
    `POST /things/a HTTP/1.1\r\n${HEADERS}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    '400',
  ],
  ['no host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', '400'],
  ['a strange host', 'GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n', '400'],
  ['an endless header', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, '431'],
])('%s is answered with a problem and a closed connection', async (_, words, status) => {
  const { port } = await serve();
  const answer = await talk(port, words);
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  const [, body = ''] = answer.split('\r\n\r\n');
  expect(Problem.parse(JSON.parse(body)).code).toBe('request.malformed');
  expect(answer).toContain('application/problem+json');
  expect(answer).toContain('x-request-id: ');
});

test('who was refused and never hangs up is not waited for', async () => {
  const { port, close } = await serve();
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  socket.resume();
  socket.write('hello\r\n\r\n');
  await once(socket, 'end');
  const started = performance.now();
  await close();
  expect(performance.now() - started).toBeLessThan(DRAIN_MS / 2);
}, 10_000);

test('connections beyond the limit are closed, and there is room again when one ends', async () => {
  const { port } = await serve({ connectionsMax: 2 });
  const held = [0, 1].map(() => connect({ host: '127.0.0.1', port }));
  onTestFinished(() => held.forEach((socket) => void socket.destroy()));
  const words = 'GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n';
  for (const socket of held) {
    socket.write(words);
    await once(socket, 'data');
  }
  const last = words.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n');
  expect(await talk(port, last)).toBe('');
  held[0]?.destroy();
  await vi.waitFor(async () => expect(await talk(port, last)).toMatch(/^HTTP\/1.1 200 /), 20_000);
});

test.each([
  ['two hosts', 'GET /health/live HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 'request.malformed'],
  [
    'two credentials',
    'GET /health/live HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\nauthorization: Bearer b\r\n\r\n',
    'request.malformed',
  ],
  [
    'two hosts of a WebSocket',
    'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    'request.malformed',
  ],
  [
    'an expectation that nobody knows',
    'POST /things/a HTTP/1.1\r\nHost: x\r\nExpect: lala\r\nContent-Length: 2\r\n\r\n',
    'request.invalid',
  ],
  ['what is asked of a proxy', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', 'request.invalid'],
])('%s is refused with 400, and the connection is closed', async (_, words, code) => {
  const { port } = await serve({ upgrade: (_, socket) => void socket.destroy() });
  const answer = await talk(port, words);
  expect(answer).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/);
  expect(answer).toMatch(/\r\ncontent-type: application\/problem\+json\r\n/i);
  const [, body = ''] = answer.split('\r\n\r\n');
  expect(Problem.parse(JSON.parse(body)).code).toBe(code);
});

test('who waits to be told to go on with its body is told', async () => {
  const { port } = await serve();
  const head = `POST /things/abc HTTP/1.1\r\n${HEADERS}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n`;
  expect(await talk(port, `${head}{}`)).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 201 /);
});

test('a body beyond the limit is refused before it has arrived', async () => {
  const { port } = await serve();
  const head = `POST /things/abc HTTP/1.1\r\n${HEADERS}`;
  const announced = await talk(port, `${head}Content-Length: 99999999\r\n\r\n{`);
  expect(announced).toMatch(/^HTTP\/1.1 413 /);
  const chunk = `40000\r\n${'x'.repeat(0x40000)}\r\n`;
  const chunked = await talk(port, `${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(8)}`);
  expect(chunked).toMatch(/^HTTP\/1.1 413 /);
});

test('a client that goes away in the middle of its body harms nobody', async () => {
  const { port, url } = await serve();
  const socket = connect({ host: '127.0.0.1', port });
  socket.write(`POST /things/abc HTTP/1.1\r\n${HEADERS}Content-Length: 100\r\n\r\n{"te`);
  await once(socket, 'connect');
  socket.destroy();
  expect((await fetch(`${url}/health/live`)).status).toBe(200);
});

test.each(['Content-Length: 100\r\n\r\n{"te', 'Transfer-Encoding: chunked\r\n\r\n5\r\n{"te'])(
  'a body that breaks off, %j, is no fault of ours for a log to tell of',
  async (rest) => {
    const { app, lines } = setup();
    const reached = vi.fn();
    const { port } = await serve({
      fetch: (request) => {
        reached();
        return app.fetch(request);
      },
    });
    const socket = connect({ host: '127.0.0.1', port });
    socket.write(`POST /things/abc HTTP/1.1\r\n${HEADERS}${rest}`);
    await vi.waitFor(() => expect(reached).toHaveBeenCalled(), 20_000);
    socket.resetAndDestroy();
    await vi.waitFor(() => expect(lines).not.toEqual([]), 20_000);
    expect(lines).toEqual([expect.objectContaining({ level: 'debug', status: 400 })]);
  },
);

test('a relay answers what it takes, and hears of nothing that is refused', async () => {
  const paths: string[] = [];
  const { app } = setup();
  const relay: Relay = (request, response, { remoteAddress }) => {
    paths.push(request.url ?? '');
    if (request.url !== '/relayed') return false;
    response.end(`relayed for ${remoteAddress}`);
    return true;
  };
  const listening = await listen({ fetch: app.fetch, relay }, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => listening.close());
  const url = `http://127.0.0.1:${listening.port}`;
  expect(await (await fetch(`${url}/relayed`)).text()).toBe('relayed for 127.0.0.1');
  expect((await fetch(`${url}/health/live`)).status).toBe(200);
  const twice = 'GET /relayed HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n';
  expect(await talk(listening.port, twice)).toMatch(/^HTTP\/1.1 400 /);
  expect(paths).toEqual(['/relayed', '/health/live']);
});

test.each([
  ['says nothing', ''],
  ['never comes to the end of its headers', 'GET / HTTP/1.1\r\nHost: x\r\nX: '],
])('whoever %s is told so and sent away', async (_, words) => {
  const { port } = await serve({ headersMs: 200 });
  expect(await talk(port, words)).toMatch(/^HTTP\/1\.1 408 .*request\.timeout/s);
});

test('an address has its share of the connections, unless it is this machine or proxies stand between', async () => {
  const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const elsewhere = own.filter(({ internal, family }) => !internal && family === 'IPv4');
  const { app } = setup();
  const place = { host: '0.0.0.0', port: 0, connectionsPerAddressMax: 2 };
  const direct = await listen({ fetch: app.fetch }, place);
  onTestFinished(() => direct.close());
  const behind = await listen({ fetch: app.fetch }, { ...place, trustedProxies: 1 });
  onTestFinished(() => behind.close());
  expect(await staying(direct.port, '127.0.0.1')).toBe(4);
  for (const { address } of elsewhere) {
    expect(await staying(direct.port, address)).toBe(2);
    expect(await staying(behind.port, address)).toBe(4);
  }
});

/** How many of four connections from an address of this machine are answered on. */
async function staying(port: number, address: string): Promise<number> {
  const sockets = Array.from({ length: 4 }, () => connect({ host: address, port }));
  const answers = sockets.map((socket) => {
    socket.on('error', () => undefined);
    socket.write('GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n');
    return new Promise<boolean>((resolve) => {
      socket.once('data', () => resolve(true));
      socket.once('close', () => resolve(false));
    });
  });
  const stayed = (await Promise.all(answers)).filter(Boolean).length;
  for (const socket of sockets) socket.destroy();
  return stayed;
}

test('an upgrade reaches its handler, and without one is an ordinary request', async () => {
  const upgrade: Upgrade = (_, socket) => {
    socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n');
  };
  const words =
    'GET /stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n';
  expect(await talk((await serve({ upgrade })).port, words)).toMatch(/^HTTP\/1.1 101 /);
  const nothing = words.replace('/stream', '/nothing');
  expect(await talk((await serve()).port, nothing)).toMatch(/^HTTP\/1.1 404 /);
});

test('closing lets an answer under way finish, and takes nothing new', async () => {
  let answer = (): void => undefined;
  const waiting = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const arrived = vi.fn();
  const server = await serve({
    fetch: async () => {
      arrived();
      await waiting;
      return new Response('done');
    },
  });
  const response = fetch(server.url);
  await vi.waitFor(() => expect(arrived).toHaveBeenCalled(), 20_000);
  const closed = server.close();
  await expect(fetch(server.url)).rejects.toThrow();
  answer();
  expect(await (await response).text()).toBe('done');
  const started = performance.now();
  await closed;
  expect(performance.now() - started).toBeLessThan(DRAIN_MS / 2);
});

test('closing does not wait for ever for connections that were upgraded', async () => {
  const upgrade: Upgrade = (_, socket) => void socket.write('hello');
  const server = await serve({ upgrade, drainMs: 500 });
  const socket = connect({ host: '127.0.0.1', port: server.port });
  socket.on('error', () => undefined);
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  await once(socket, 'data');
  await server.close();
  await vi.waitFor(() => expect(socket.destroyed).toBe(true), 20_000);
});

test('a handler that throws outside the app does not end the process', async () => {
  const server = await serve({
    fetch: async () => {
      throw new ApiError('message.busy');
    },
  });
  expect((await fetch(server.url)).status).toBe(503);
  expect((await fetch(server.url)).status).toBe(503);
});
