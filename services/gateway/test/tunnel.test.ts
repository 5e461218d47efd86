import { connect } from 'node:net';
import { SOCKET_PATH, SOCKET_PROTOCOL } from '@sotto/api';
import { describe, expect, it } from 'vitest';
import { HANDSHAKE, localGateway, once, open, remoteGateway } from './tunnel.fixture.ts';
import { speak, until } from './upstream.fixture.ts';

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

it('ends a handshake that the service has not answered when its client has gone', async () => {
  const { gateway, upstream } = await remoteGateway();
  const ended = new Promise((resolve) => {
    upstream.server.once('upgrade', (_, socket) => socket.once('end', () => resolve('ended')));
  });
  const client = connect(gateway.port, '127.0.0.1');
  client.write(`${HANDSHAKE}Authorization: Bearer unanswered\r\n\r\n`);
  await until(() => upstream.seen.length === 1);
  client.end();
  expect(await ended).toBe('ended');
  client.destroy();
}, 5_000);
