/** A gateway on a port, and a service behind it that tells what reaches it. */
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Fetch, type Listening, listen, loadConfig } from '@sotto/runtime';
import { GatewayConfig, type Given, startGateway } from '../src/service.ts';

export interface Upstream {
  url: string;
  server: Server;
  /** Request lines, in order of arrival. */
  seen: string[];
  close(): Promise<void>;
}

/** An HTTP service on a free port of 127.0.0.1. */
export async function startUpstream(listener: RequestListener = echo): Promise<Upstream> {
  const seen: string[] = [];
  const sockets = new Set<Duplex>();
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    listener(request, response);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    server,
    seen,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers with what it got. */
const echo: RequestListener = (request: IncomingMessage, response) => {
  const { method, url, headers } = request;
  request.resume().once('end', () => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ method, url, headers }));
  });
};

export interface Gateway {
  url: string;
  port: number;
  numbers: Fetch;
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** What the services would know the gateway by. */
export const INTERNAL_SECRET = 'a secret of the tests, long enough for anyone';

/** A gateway in front of one service that plays all four. */
export async function gatewayTo(
  upstream: string,
  environment: Record<string, string> = {},
  given: Given = {},
): Promise<Gateway> {
  const config = loadConfig(GatewayConfig, {
    environment: {
      ...{ AUTH_URL: upstream, KEY_URL: upstream, MESSAGE_URL: upstream, FILE_URL: upstream },
      ...{ INTERNAL_SECRET, LOG_LEVEL: 'error', ...environment },
    },
  });
  const gateway = await startGateway(config, given);
  const listening: Listening = await listen(gateway, { host: '127.0.0.1', port: 0 });
  return {
    url: `http://127.0.0.1:${listening.port}`,
    numbers: gateway.numbers,
    port: listening.port,
    drain: () => gateway.drain(),
    async close() {
      await Promise.all([gateway.close(), listening.close()]);
    },
  };
}

/** Sends bytes as they are and gives all that comes back until the connection ends, or nothing came for a while. */
export function speak(port: number, ...texts: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.setTimeout(1_000, () => socket.destroy());
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', (error) => (answer === '' ? reject(error) : resolve(answer)));
    for (const text of texts) socket.write(text);
  });
}

/** Waits until a condition holds. */
export async function until(condition: () => boolean, deadlineMs = 20_000): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error('the condition did not come to hold');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
