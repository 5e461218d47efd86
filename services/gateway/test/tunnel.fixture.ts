/** Gateways whose message service echoes, in another process or in this one, and clients of theirs. */
import { CLOSE_CODES, SOCKET_PATH, SOCKET_PROTOCOL } from '@sotto/api';
import { listen, loadConfig, type Upgrade } from '@sotto/runtime';
import { onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { GatewayConfig, type Given, startGateway } from '../src/service.ts';
import { gatewayTo, INTERNAL_SECRET, startUpstream, type Upstream } from './upstream.fixture.ts';

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

/** A gateway before a message service in another process; the test's end closes both. */
export async function remoteGateway(environment: Record<string, string> = {}, given: Given = {}) {
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
  onTestFinished(() => upstream.close());
  onTestFinished(() => gateway.close());
  return { ...echo, upstream, gateway };
}

/** One with the message service in its process, which opens sockets when `admit` says so, as if it asked its database. */
export async function localGateway(admit: () => Promise<void> = async () => undefined) {
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
  onTestFinished(close);
  const { port } = listening;
  const url = `http://127.0.0.1:${port}`;
  return { ...echo, gateway: { url, port, drain: () => gateway.drain(), close } };
}

/** A handshake, without its end. */
export const HANDSHAKE = [
  `GET ${SOCKET_PATH} HTTP/1.1`,
  ...['Host: a', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
  ...['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', ''],
].join('\r\n');

/** A client of a gateway. */
export const open = (port: number, headers: Record<string, string> = {}) =>
  new WebSocket(`ws://127.0.0.1:${port}${SOCKET_PATH}`, [SOCKET_PROTOCOL], { headers });

/** Resolves with what the event tells; rejects when the client fails. */
export const once = (socket: WebSocket, event: 'open' | 'close' | 'message') =>
  new Promise<unknown>((resolve, reject) => {
    socket.once(event, resolve);
    socket.once('error', reject);
  });
