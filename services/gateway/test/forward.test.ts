import { connect } from 'node:net';
import { endpoints } from '@sotto/api';
import {
  createApp,
  createLogger,
  createMetrics,
  type Fetch,
  listen,
  loadConfig,
} from '@sotto/runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { GatewayConfig, startGateway } from '../src/service.ts';
import {
  type Gateway,
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

function owned<Owned extends Gateway | Upstream>(resource: Owned): Owned {
  cleanUp.push(() => resource.close());
  return resource;
}

const NO_SOCKETS = { upgrade: () => undefined, drain: async () => undefined };

const MEBIBYTE = 1024 * 1024;
const OCTETS = { 'content-type': 'application/octet-stream' };
/** What fetch wants for a body that is a stream; the types of browsers do not know it. */
const HALF_DUPLEX = { duplex: 'half' };

describe('the gateway', () => {
  it('sends every operation of the contract to the service that owns it', async () => {
    const play =
      (service: string): Fetch =>
      async () =>
        new Response(null, { headers: { 'x-service': service } });
    const config = loadConfig(GatewayConfig, {
      environment: { INTERNAL_SECRET, LOG_LEVEL: 'error' },
    });
    const peers = {
      auth: play('auth'),
      key: play('key'),
      message: play('message'),
      file: play('file'),
    };
    const gateway = await startGateway(config, { local: { peers, message: NO_SOCKETS } });
    for (const { method, path, service } of endpoints) {
      const url = `http://localhost${path.replace(/\{\w+\}/g, 'x')}`;
      const response = await gateway.fetch(new Request(url, { method }));
      // In a header, because the answer to HEAD has nothing else.
      expect([path, response.headers.get('x-service')]).toEqual([path, service]);
    }
  });

  it("tells services of its process the caller's address, whatever headers say", async () => {
    const seen: unknown[] = [];
    const peer: Fetch = async (_, connection) => {
      seen.push(connection?.remoteAddress);
      return new Response();
    };
    const config = loadConfig(GatewayConfig, {
      environment: { INTERNAL_SECRET, LOG_LEVEL: 'error' },
    });
    const peers = { auth: peer, key: peer, message: peer, file: peer };
    const gateway = await startGateway(config, { local: { peers, message: NO_SOCKETS } });
    const headers = { 'x-forwarded-for': '127.0.0.1', 'x-real-ip': '127.0.0.1' };
    const request = new Request('http://localhost/api/v1/auth/login', { method: 'POST', headers });
    await gateway.fetch(request, { remoteAddress: '203.0.113.7' });
    expect(seen).toEqual(['203.0.113.7']);
  });

  it('passes on status, headers and body as they are, but not what belongs to one connection', async () => {
    const upstream = owned(
      await startUpstream((_, response) => {
        response.writeHead(206, {
          'x-a': 'b',
          'content-range': 'bytes 0-2/9',
          'keep-alive': 'timeout=9',
        });
        response.end('abc');
      }),
    );
    const gateway = owned(await gatewayTo(upstream.url));
    const response = await fetch(`${gateway.url}/api/v1/files/x`);
    expect(response.status).toBe(206);
    expect(response.headers.get('x-a')).toBe('b');
    expect(response.headers.get('content-range')).toBe('bytes 0-2/9');
    expect(response.headers.get('keep-alive')).not.toBe('timeout=9');
    expect(await response.text()).toBe('abc');
  });

  it.each([
    ['GET', 'Content-Length: 5', 'hello'],
    ['GET', 'Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\n\r\n'],
    ['GET', 'Expect: 100-continue', ''],
    ['POST', 'Content-Length: 0', ''],
    ['POST', 'Accept: */*', ''],
    ['POST', 'Content-Length: 5', 'hello'],
    ['POST', 'Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\n\r\n'],
    ['POST', 'Content-Length: 5\r\nExpect: 100-continue', 'hello'],
    ['DELETE', 'Accept: */*', ''],
    ['DELETE', 'Content-Length: 5', 'hello'],
    ['OPTIONS', 'Accept: */*', ''],
    ['PUT', 'Content-Length: 0', ''],
  ])('takes a %s with %s', async (method, header, body) => {
    const upstream = owned(await startUpstream());
    const gateway = owned(await gatewayTo(upstream.url));
    const answer = await speak(
      gateway.port,
      `${method} /api/v1/auth/me HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${header}\r\n\r\n${body}`,
    );
    expect(answer).toMatch(/^(HTTP\/1\.1 100 Continue\r\n\r\n)?HTTP\/1\.1 200 /);
    expect(upstream.seen).toEqual([`${method} /api/v1/auth/me`]);
  });

  it.each(['TRACE', 'PROPFIND', 'QUERY'])('takes no %s', async (method) => {
    const upstream = owned(await startUpstream());
    const gateway = owned(await gatewayTo(upstream.url));
    const answer = await speak(
      gateway.port,
      `${method} /api/v1/auth/me HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 405 .*allow: GET, .*route\.method-not-allowed/s);
    expect(upstream.seen).toEqual([]);
  });

  it('answers HEAD with the length of what it leaves out', async () => {
    const upstream = owned(
      await startUpstream((_, response) =>
        response.writeHead(200, { 'content-length': 12345 }).end(),
      ),
    );
    const gateway = owned(await gatewayTo(upstream.url));
    const response = await fetch(`${gateway.url}/api/v1/files/x`, { method: 'HEAD' });
    expect(response.headers.get('content-length')).toBe('12345');
    expect(upstream.seen).toEqual(['HEAD /api/v1/files/x']);
  });

  it('lets an upload through while it is still arriving', async () => {
    let arrived = '';
    const upstream = owned(
      await startUpstream((request, response) => {
        request.on('data', (chunk) => {
          arrived += chunk;
        });
        request.on('end', () => response.end(arrived));
      }),
    );
    const gateway = owned(await gatewayTo(upstream.url));
    let send: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        send = controller;
      },
    });
    const answer = fetch(`${gateway.url}/api/v1/files/upload`, {
      method: 'POST',
      headers: OCTETS,
      body,
      ...HALF_DUPLEX,
    });
    send?.enqueue(Buffer.from('first'));
    await until(() => arrived === 'first');
    send?.enqueue(Buffer.from(' second'));
    send?.close();
    expect(await (await answer).text()).toBe('first second');
  });

  it('sends no faster than the reader reads, and stops the service when the reader leaves', async () => {
    let sent = 0;
    let left = false;
    const upstream = owned(
      await startUpstream((_, response) => {
        response.once('close', () => {
          left = true;
        });
        const chunk = Buffer.alloc(64 * 1024);
        const more = () => {
          while (!left && response.write(chunk)) sent += chunk.byteLength;
          sent += chunk.byteLength;
          if (!left) response.once('drain', more);
        };
        more();
      }),
    );
    const gateway = owned(await gatewayTo(upstream.url));
    const socket = connect(gateway.port, '127.0.0.1');
    socket.pause();
    socket.write('GET /api/v1/files/x HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await until(() => sent > 0);
    let before = -1;
    while (before !== sent) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    // What the sockets' buffers of both connections hold, and nothing in the heap beyond a few chunks.
    expect(sent).toBeLessThan(32 * MEBIBYTE);
    socket.destroy();
    await until(() => left);
  });

  it('takes an upload no faster than the service does', async () => {
    const upstream = owned(await startUpstream(() => undefined));
    const gateway = owned(await gatewayTo(upstream.url));
    const socket = connect(gateway.port, '127.0.0.1');
    let flushed = 0;
    const chunk = Buffer.alloc(256 * 1024);
    const more = () =>
      socket.write(chunk, (error) => {
        flushed += chunk.byteLength;
        if (!error) more();
      });
    socket.on('error', () => undefined);
    socket.write(
      'POST /api/v1/files/upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\nContent-Length: 1000000000\r\n\r\n',
    );
    more();
    await until(() => upstream.seen.length === 1);
    let before = -1;
    while (before !== flushed) {
      before = flushed;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(flushed).toBeLessThan(32 * MEBIBYTE);
    socket.destroy();
  });

  it('passes a refusal on while the body is still coming, and hangs up as the service did', async () => {
    const refuse = async () =>
      new Response('{"code":"request.too-large"}', {
        status: 413,
        headers: { connection: 'close' },
      });
    const upstream = await listen({ fetch: refuse }, { host: '127.0.0.1', port: 0 });
    cleanUp.push(() => upstream.close());
    const gateway = owned(await gatewayTo(`http://127.0.0.1:${upstream.port}`));
    const socket = connect(gateway.port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(
      'POST /api/v1/files/upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\nContent-Length: 1000000000\r\n\r\n',
    );
    const more = () => socket.write(Buffer.alloc(MEBIBYTE), (error) => !error && more());
    more();
    await closed;
    expect(answer).toMatch(/^HTTP\/1\.1 413 .*connection: close.*too-large/is);
  });

  it('breaks a transfer off when the service does', async () => {
    const upstream = owned(
      await startUpstream((_, response) => {
        response.writeHead(200, { 'content-length': 1000 });
        response.write('some', () => response.destroy());
      }),
    );
    const gateway = owned(await gatewayTo(upstream.url));
    const response = await fetch(`${gateway.url}/api/v1/files/x`);
    await expect(response.text()).rejects.toThrow();
  });

  it('tells when a service is down, and reaches it again once it is up', async () => {
    const gone = await startUpstream();
    await gone.close();
    const gateway = owned(await gatewayTo(gone.url));
    const refused = await fetch(`${gateway.url}/api/v1/auth/me`);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toMatchObject({ code: 'service.unavailable' });
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(503);
    expect((await fetch(`${gateway.url}/health/live`)).status).toBe(200);

    const log = createLogger({ service: 'auth', level: 'silent' });
    const app = createApp({ service: 'auth', log, metrics: createMetrics('auth') });
    const { port } = new URL(gone.url);
    const back = await listen({ fetch: app.fetch }, { host: '127.0.0.1', port: Number(port) });
    cleanUp.push(() => back.close());
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(200);
    expect((await fetch(`${gateway.url}/api/v1/auth/me`)).status).toBe(404);
  });

  it('is not ready while a service is not', async () => {
    const upstream = owned(await startUpstream((_, response) => response.writeHead(503).end()));
    const gateway = owned(await gatewayTo(upstream.url));
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(503);
  });
});
