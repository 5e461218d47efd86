/**
 * WebSockets, handed through to the message service.
 *
 * Within one process its Upgrade takes the socket over. Across processes the handshake is one HTTP request of our own
 * making; only when it was answered with 101 are the two sockets joined, so that a client can never speak plain HTTP
 * to the service through a handshake that failed.
 */
import { randomUUID } from 'node:crypto';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Socket } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import { ApiError, SOCKET_PATH, toProblem } from '@sotto/api';
import type { Upgrade } from '@sotto/runtime';
import type { Events } from './events.ts';
import { TUNNEL_KEEP_ALIVE_MS, TUNNEL_OPEN_MS } from './limits.ts';
import { mayConnect } from './origins.ts';

export interface TunnelOptions {
  /** The message service: its Upgrade when it lives in this process, else its address. */
  message: Upgrade | URL;
  /** Origins that may connect; see `origins.ts`. */
  origins: readonly string[];
  events: Events;
}

export interface Tunnel {
  upgrade: Upgrade;
  /** Cuts off what is open. */
  close(): void;
}

export function createTunnel({ message, origins, events }: TunnelOptions): Tunnel {
  const open = new Set<Duplex>();
  const pass = message instanceof URL ? remote(message, events) : message;
  return {
    upgrade(request, socket, head) {
      // A socket without a listener for its errors ends the process.
      socket.on('error', () => socket.destroy());
      const requestId = randomUUID();
      const refusal = refuse(request, origins);
      if (refusal !== undefined) {
        events.tunnelRefused(refusal.code);
        answer(socket, refusal, requestId);
        return;
      }
      open.add(socket);
      events.tunnelOpened();
      socket.once('close', () => {
        open.delete(socket);
        events.tunnelClosed();
      });
      cleanRequest(request, requestId);
      pass(request, socket, head);
    },
    close() {
      for (const socket of open) socket.destroy();
    },
  };
}

function refuse(request: IncomingMessage, origins: readonly string[]): ApiError | undefined {
  const { url = '', method, headers } = request;
  if (url !== SOCKET_PATH) {
    // With a query it is the right path, but tokens have no place in it and nothing else is known there.
    return new ApiError(url.startsWith(`${SOCKET_PATH}?`) ? 'request.invalid' : 'route.not-found');
  }
  if (method !== 'GET') return new ApiError('route.method-not-allowed');
  return mayConnect(headers, origins) ? undefined : new ApiError('request.origin');
}

/** What a handshake needs. Nothing else goes on: least of all a length, for a body that is not ours to read. */
const HANDSHAKE =
  /^(authorization|host|origin|user-agent|sec-websocket-(key|version|protocol|extensions))$/;

/** Changes the headers in place. */
function cleanRequest({ headers }: IncomingMessage, requestId: string): void {
  for (const name of Object.keys(headers)) if (!HANDSHAKE.test(name)) delete headers[name];
  headers.connection = 'Upgrade';
  headers.upgrade = 'websocket';
  headers['x-request-id'] = requestId;
}

/** An Upgrade that opens a socket of its own to a service elsewhere. */
function remote(service: URL, events: Events): Upgrade {
  const send = service.protocol === 'https:' ? httpsRequest : httpRequest;
  return (request, socket, head) => {
    const requestId = String(request.headers['x-request-id']);
    let answered = false;
    const upstream = send(new URL(SOCKET_PATH, service), {
      headers: { ...request.headers, host: service.host },
      agent: false,
      timeout: TUNNEL_OPEN_MS,
    });
    socket.once('close', () => upstream.destroy());
    upstream.once('timeout', () => upstream.destroy(new Error('no answer to the handshake')));
    upstream.on('error', (error) => {
      if (answered || socket.destroyed) return;
      events.tunnelFailed(error);
      answer(socket, new ApiError('service.unavailable', { retryAfter: 1 }), requestId);
    });
    upstream.once('upgrade', (response, other, otherHead) => {
      answered = true;
      socket.write(headOf(response, requestId));
      socket.write(otherHead);
      other.write(head);
      join(socket, other);
    });
    // A refusal is the service's to word. Nothing that the client says after it is heard.
    upstream.once('response', (response) => {
      answered = true;
      socket.write(headOf(response, requestId));
      pour(response, socket);
    });
    upstream.end();
  };
}

const OURS = /^x-request-id$/i;
const OURS_AND_FRAMING = /^(x-request-id|connection|keep-alive|transfer-encoding)$/i;

/** Status line and headers; a refusal's connection ends with its body. */
function headOf(
  { statusCode, statusMessage, rawHeaders }: IncomingMessage,
  requestId: string,
): string {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`];
  const replaced = statusCode === 101 ? OURS : OURS_AND_FRAMING;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    if (!replaced.test(name)) lines.push(`${name}: ${rawHeaders[at + 1]}`);
  }
  if (statusCode !== 101) lines.push('connection: close');
  return `${[...lines, `x-request-id: ${requestId}`].join('\r\n')}\r\n\r\n`;
}

/** Two sockets, each the other's end: what one reads the other writes, no faster than it can. */
function join(socket: Duplex, other: Duplex): void {
  keepAlive(socket);
  keepAlive(other);
  pour(socket, other);
  pour(other, socket);
}

/**
 * An orderly end goes through, after all that came before it; anything else ends both at once. Either way the second
 * does not outlive the first: a peer that never hangs up would hold it for ever.
 */
function pour(from: Readable, to: Duplex): void {
  from.on('error', () => from.destroy());
  from.once('close', () => {
    if (to.writableEnded && !to.writableFinished) to.once('finish', () => to.destroy());
    else to.destroy();
  });
  from.pipe(to);
}

function keepAlive(socket: Duplex): void {
  if (!(socket instanceof Socket)) return;
  socket.setTimeout(0);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, TUNNEL_KEEP_ALIVE_MS);
}

/** Answers by hand: no HTTP server is behind the socket any more. */
function answer(socket: Duplex, error: ApiError, requestId: string): void {
  const body = JSON.stringify(toProblem(error, requestId));
  const { retryAfter } = error.options;
  const head = [
    `HTTP/1.1 ${error.status} ${error.code}`,
    'content-type: application/problem+json',
    'cache-control: no-store',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    ...(retryAfter === undefined ? [] : [`retry-after: ${retryAfter}`]),
    'connection: close',
  ];
  // Not left to the client, who may never hang up.
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
