import { connect } from 'node:net';
import { CLOSE_CODES, SOCKET_PATH, SOCKET_PROTOCOL } from '@sotto/api';
import {
  type Counters,
  createMemoryCounters,
  listen,
  loadConfig,
  type Upgrade,
} from '@sotto/runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { GatewayConfig, type Given, startGateway } from '../src/service.ts';
import {
  gatewayTo,
  INTERNAL_SECRET,
  speak,
  startUpstream,
  type Upstream,
  until,
} from './upstream.fixture.ts';

let cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of cleanUp.reverse()) await close();
  cleanUp = [];
});

/** The message service's half: echoes, and remembers what it was sent. */
function echoServer() {
  const server = new WebSocketServer({ noServer: true, handleProtocols: () => SOCKET_PROTOCOL });
  const handshakes: Record<string, unknown>[] = [];
  server.on('connection', (socket, request) => {
    handshakes.push(request.headers);
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  return { server, handshakes };
}

async function remoteGateway(environment: Record<string, string> = {}, given: Given = {}) {
  const echo = echoServer();
  const upstream: Upstream = await startUpstream();
  upstream.server.on('upgrade', (request, socket, head) => {
    upstream.seen.push(`UPGRADE ${request.url}`);
    if (request.headers.authorization === 'Bearer unanswered') return;
    if (request.headers.authorization === 'Bearer bad') {
      const body = '{"code":"auth.token-invalid"}';
      socket.write(`HTTP/1.1 401 Unauthorized\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
      return;
    }
    echo.server.handleUpgrade(request, socket, head, (client) => {
      echo.server.emit('connection', client, request);
    });
  });
  const gateway = await gatewayTo(upstream.url, environment, given);
  cleanUp.push(
    () => upstream.close(),
    () => gateway.close(),
  );
  return { ...echo, upstream, gateway };
}

/** A message service that opens sockets when `admit` says so, as one that first asks its database. */
async function localGateway(admit: () => Promise<void> = async () => undefined) {
  const echo = echoServer();
  const config = loadConfig(GatewayConfig, {
    environment: { INTERNAL_SECRET, LOG_LEVEL: 'error' },
  });
  const none = async () => new Response(null, { status: 404 });
  let isDraining = false;
  const upgrade: Upgrade = async (request, socket, head) => {
    await admit();
    echo.server.handleUpgrade(request, socket, Buffer.from(head), (client) => {
      if (isDraining) client.close(CLOSE_CODES.draining);
      echo.server.emit('connection', client, request);
    });
  };
  const peers = { auth: none, key: none, message: none, file: none };
  const message = {
    upgrade,
    async drain() {
      isDraining = true;
    },
  };
  const gateway = await startGateway(config, { local: { peers, message } });
  const listening = await listen(gateway, { host: '127.0.0.1', port: 0 });
  const close = async (): Promise<void> => {
    await Promise.all([listening.close(), gateway.close()]);
  };
  cleanUp.push(close);
  const { port } = listening;
  const url = `http://127.0.0.1:${port}`;
  return { ...echo, gateway: { url, port, drain: () => gateway.drain(), close } };
}

/** A handshake, without its end. */
const HANDSHAKE = [
  `GET ${SOCKET_PATH} HTTP/1.1`,
  ...['Host: a', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
  ...['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', ''],
].join('\r\n');

const open = (port: number, headers: Record<string, string> = {}) =>
  new WebSocket(`ws://127.0.0.1:${port}${SOCKET_PATH}`, [SOCKET_PROTOCOL], { headers });

const once = (socket: WebSocket, event: 'open' | 'close' | 'message') =>
  new Promise<unknown>((resolve, reject) => {
    socket.once(event, resolve);
    socket.once('error', reject);
  });

describe.each([
  ['in another process', remoteGateway],
  ['in this process', localGateway],
])('a WebSocket to a message service %s', (_, start) => {
  it('carries messages both ways, of any size, in order', async () => {
    const { gateway } = await start();
    const socket = open(gateway.port);
    await once(socket, 'open');
    expect(socket.protocol).toBe(SOCKET_PROTOCOL);
    const sent = Array.from({ length: 200 }, (_, at) => `${at} ${'x'.repeat(at * 1000)}`);
    const got: string[] = [];
    socket.on('message', (data) => got.push(String(data)));
    for (const text of sent) socket.send(text);
    await until(() => got.length === sent.length);
    expect(got).toEqual(sent);
    socket.close(1000);
    await once(socket, 'close');
  });

  it('brings the credential and the origin, and nothing that the caller made up', async () => {
    const { gateway, handshakes } = await start();
    const socket = open(gateway.port, {
      authorization: 'Bearer token',
      origin: `http://127.0.0.1:${gateway.port}`,
      'x-user-id': 'admin',
      'x-forwarded-for': '10.0.0.1',
      'x-request-id': 'mine',
      cookie: 'a=b',
      'content-length': '0',
    });
    await once(socket, 'open');
    expect(handshakes[0]).toMatchObject({ authorization: 'Bearer token' });
    expect(handshakes[0]?.['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    for (const name of ['x-user-id', 'x-forwarded-for', 'cookie', 'content-length']) {
      expect(handshakes[0]).not.toHaveProperty(name);
    }
    socket.terminate();
  });

  it('ends at both ends when one end goes', async () => {
    const { gateway, server } = await start();
    const first = open(gateway.port);
    await once(first, 'open');
    first.terminate();
    await until(() => server.clients.size === 0);

    const second = open(gateway.port);
    await once(second, 'open');
    const closed = once(second, 'close');
    for (const client of server.clients) client.close(4001, 'token');
    expect(await closed).toBe(4001);

    const third = open(gateway.port);
    await once(third, 'open');
    const cut = once(third, 'close');
    for (const client of server.clients) client.terminate();
    expect(await cut).toBe(1006);
  });

  it('is refused to pages from elsewhere, and at any other path', async () => {
    const { gateway, handshakes } = await start();
    const handshake = (target: string, ...headers: string[]) =>
      speak(
        gateway.port,
        `${[
          `${target} HTTP/1.1`,
          `Host: 127.0.0.1:${gateway.port}`,
          'Connection: Upgrade',
          'Upgrade: websocket',
          'Sec-WebSocket-Version: 13',
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
          ...headers,
        ].join('\r\n')}\r\n\r\n`,
      );
    for (const origin of [
      'https://evil.example',
      'null',
      'http://127.0.0.1',
      `http://127.0.0.1:${gateway.port}.evil.example`,
    ]) {
      expect(await handshake(`GET ${SOCKET_PATH}`, `Origin: ${origin}`)).toMatch(
        /^HTTP\/1\.1 403 .*request\.origin/s,
      );
    }
    for (const target of [
      '/',
      '/internal',
      '/api/v1/ws/',
      '/api/v1/WS',
      '//api/v1/ws',
      '/api/v1/auth/me',
      '/internal/../api/v1/ws',
    ]) {
      expect(await handshake(`GET ${target}`)).toMatch(/^HTTP\/1\.1 404 .*route\.not-found/s);
    }
    expect(await handshake(`GET ${SOCKET_PATH}?token=secret`)).toMatch(/^HTTP\/1\.1 400 /);
    expect(await handshake(`POST ${SOCKET_PATH}`, 'Content-Length: 0')).toMatch(/^HTTP\/1\.1 405 /);
    expect(handshakes).toEqual([]);
  });

  it('is not held open by a client that never hangs up', async () => {
    const { gateway, server } = await start();
    const deaf = connect({ port: gateway.port, host: '127.0.0.1', allowHalfOpen: true });
    let closed = false;
    deaf.resume().on('error', () => undefined);
    deaf.once('end', () => {
      // Whoever has let go of the socket answers more bytes with a reset.
      const timer = setInterval(() => deaf.write('x'), 20);
      deaf.once('close', () => {
        clearInterval(timer);
        closed = true;
      });
    });
    deaf.write(`${HANDSHAKE}\r\n`);
    await until(() => server.clients.size === 1);
    for (const client of server.clients) client.terminate();
    await until(() => closed);
  });

  it('slows its sender down when its receiver does not read', async () => {
    const { gateway, server } = await start();
    const socket = open(gateway.port);
    await once(socket, 'open');
    socket.pause();
    const [client] = server.clients;
    let flushed = 0;
    const chunk = Buffer.alloc(1024 * 1024);
    const more = () =>
      client?.send(chunk, (error) => {
        flushed += 1;
        if (!error) more();
      });
    more();
    await until(() => flushed > 0);
    let before = -1;
    while (before !== flushed) {
      before = flushed;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(flushed).toBeLessThan(32);
    socket.terminate();
  });
});

describe('a gateway that drains', () => {
  it('says goodbye between two messages, however many are on their way', async () => {
    const { gateway, server } = await remoteGateway();
    const sockets = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const socket = open(gateway.port);
        await once(socket, 'open');
        return socket;
      }),
    );
    const heard: string[] = [];
    const closed = sockets.map((socket) => {
      socket.on('message', (data) => heard.push(String(data)));
      return once(socket, 'close');
    });
    let sent = 0;
    const timer = setInterval(() => {
      for (const client of server.clients) client.send(`${sent++} ${'x'.repeat(70_000)}`);
    }, 1);
    await until(() => heard.length > 20);
    await gateway.drain();
    clearInterval(timer);
    expect(await Promise.all(closed)).toEqual(sockets.map(() => CLOSE_CODES.draining));
    // None was cut.
    for (const text of heard) expect(text).toMatch(/^\d+ x{70000}$/);
    await until(() => server.clients.size === 0);
  });

  it('does not wait for a message without end, nor for a client that never hangs up', async () => {
    const { gateway, server } = await remoteGateway();
    const stuck = open(gateway.port);
    await once(stuck, 'open');
    for (const client of server.clients) {
      // A frame of a mebibyte, of which nothing comes.
      Reflect.get(client, '_socket').write(Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 16, 0, 0]));
    }
    const deaf = connect({ port: gateway.port, host: '127.0.0.1' });
    deaf.on('error', () => undefined).resume();
    deaf.write(`${HANDSHAKE}\r\n`);
    await until(() => server.clients.size === 2);
    const closed = once(stuck, 'close');
    const started = performance.now();
    await gateway.drain();
    expect(performance.now() - started).toBeLessThan(4_000);
    expect(await closed).toBe(1006);
    await until(() => server.clients.size === 0);
  });

  it('refuses a handshake whose source was still being looked up', async () => {
    const asked = Promise.withResolvers<void>();
    const told = Promise.withResolvers<void>();
    const counters = createMemoryCounters();
    const budget: Counters['budget'] = (name, rule) => {
      const own = counters.budget(name, rule);
      const consume = own.consume.bind(own);
      own.consume = async (...words) => {
        asked.resolve();
        await told.promise;
        return consume(...words);
      };
      return own;
    };
    const { gateway, upstream } = await remoteGateway({}, { counters: { ...counters, budget } });
    const answer = speak(gateway.port, `${HANDSHAKE}\r\n`);
    await asked.promise;
    const drained = gateway.drain();
    told.resolve();
    await drained;
    expect(await answer).toMatch(/^HTTP\/1\.1 503 .*retry-after: 1/is);
    expect(upstream.seen).toEqual([]);
  });

  it('refuses a handshake that the service has not answered yet, with a time to come again', async () => {
    const { gateway, upstream } = await remoteGateway();
    const answer = speak(gateway.port, `${HANDSHAKE}Authorization: Bearer unanswered\r\n\r\n`);
    await until(() => upstream.seen.length === 1);
    await gateway.drain();
    expect(await answer).toMatch(/^HTTP\/1\.1 503 .*retry-after: 1.*service\.unavailable/is);
  });

  it('waits for one that the service in this process has begun with, which then says goodbye', async () => {
    const arrived = Promise.withResolvers<void>();
    const admitted = Promise.withResolvers<void>();
    const { gateway } = await localGateway(() => {
      arrived.resolve();
      return admitted.promise;
    });
    const socket = open(gateway.port);
    const closed = once(socket, 'close');
    await arrived.promise;
    const stopped = gateway.drain().then(() => gateway.close());
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(503);
    admitted.resolve();
    expect(await closed).toBe(CLOSE_CODES.draining);
    await stopped;
  });

  it('takes no more, is not ready, and answers requests', async () => {
    const { gateway } = await remoteGateway();
    await gateway.drain();
    const refused = open(gateway.port);
    await expect(once(refused, 'open')).rejects.toThrow('503');
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(503);
    expect((await fetch(`${gateway.url}/health/live`)).status).toBe(200);
    expect((await fetch(`${gateway.url}/api/v1/auth/me`)).status).toBe(200);
  });
});

describe('a handshake', () => {
  it('that the service refuses is told to the client, who cannot speak to the service through it', async () => {
    const { gateway, upstream } = await remoteGateway();
    const answer = await speak(
      gateway.port,
      `${HANDSHAKE}Authorization: Bearer bad\r\n\r\n`,
      'GET /internal/revocations HTTP/1.1\r\nHost: a\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 401 .*connection: close.*auth\.token-invalid/is);
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(upstream.seen).toEqual([`UPGRADE ${SOCKET_PATH}`]);
  });

  it('to a service that is down is answered with 503', async () => {
    const { gateway, upstream } = await remoteGateway();
    await upstream.close();
    const answer = await speak(
      gateway.port,
      `GET ${SOCKET_PATH} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 503 .*retry-after: 1.*service\.unavailable/is);
  });

  it('is taken from listed origins alone when some are listed', async () => {
    const { gateway } = await remoteGateway({ GATEWAY_ORIGINS: 'https://chat.example.org' });
    const listed = open(gateway.port, { origin: 'https://chat.example.org' });
    await once(listed, 'open');
    listed.terminate();
    const own = open(gateway.port, { origin: `http://127.0.0.1:${gateway.port}` });
    await expect(once(own, 'open')).rejects.toThrow('403');
    const program = open(gateway.port);
    await once(program, 'open');
    program.terminate();
  });

  it('for another protocol than WebSocket is an ordinary request', async () => {
    const { gateway } = await remoteGateway();
    const answer = await speak(
      gateway.port,
      'GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  });
});
