/**
 * WebSockets, handed through to the message service.
 *
 * Within one process its Upgrade takes the socket over. Across processes the handshake is one HTTP request of our own
 * making; only when it was answered with 101 are the two sockets joined, so that a client can never speak plain HTTP
 * to the service through a handshake that failed.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { ApiError, SOCKET_PATH } from '@sotto/api';
import {
  type Connection,
  endOneByOne,
  type Service,
  toApiError,
  type Upgrade,
} from '@sotto/runtime';
import { describeClient } from './client.ts';
import type { Events } from './events.ts';
import { TUNNEL_CLOSE_MS } from './limits.ts';
import { mayConnect } from './origins.ts';
import type { SourceLimit } from './source-limit.ts';
import { answerOnSocket, GOING, openSplices } from './splice.ts';

export interface TunnelOptions {
  /** The message service: itself when it lives in this process, else its address. */
  message: Pick<Required<Service>, 'upgrade' | 'drain'> | URL;
  /** Origins that may connect; see `origins.ts`. */
  origins: readonly string[];
  trustedProxies: number;
  internalSecret: string;
  sourceLimit: SourceLimit;
  events: Events;
  /** Between two looks at those that are open; TUNNEL_LOOK_MS when left out. */
  lookMs?: number | undefined;
}

export interface Tunnel {
  upgrade: Upgrade;
  /**
   * Takes no more, and sends those that are open away, one by one, with a code that makes clients come again. Those that
   * are opening are told so by that code, or refused with a time to come again.
   */
  drain(): Promise<void>;
  /** Cuts off what is open. */
  close(): void;
}

export function createTunnel(options: TunnelOptions): Tunnel {
  const { message, events, sourceLimit } = options;
  const open = new Set<Duplex>();
  const splices =
    message instanceof URL ? openSplices({ ...options, service: message }) : undefined;
  const pass = message instanceof URL ? splices?.upgrade : message.upgrade;
  let isDraining = false;

  async function begin(
    request: IncomingMessage,
    socket: Duplex,
    handshake: Handshake,
  ): Promise<void> {
    const { requestId, client } = handshake;
    try {
      const refusal = refuse(request, options.origins);
      if (refusal !== undefined) throw refusal;
      await sourceLimit.take(client.remoteAddress);
      // It may have begun meanwhile.
      if (isDraining) throw GOING;
    } catch (error) {
      const refusal = toApiError(error);
      events.tunnelRefused(refusal.code);
      answerOnSocket(socket, refusal, requestId);
      return;
    }
    // Whoever has ended the connection meanwhile is not waiting for an answer any more.
    if (socket.destroyed || !socket.readable) {
      socket.destroy();
      return;
    }
    events.tunnelOpened();
    socket.once('close', () => events.tunnelClosed());
    cleanRequest(request, requestId);
    pass?.(request, socket, handshake.head, client);
  }

  return {
    upgrade(request, socket, head, connection = { remoteAddress: '' }) {
      // A socket without a listener for its errors ends the process.
      socket.on('error', () => socket.destroy());
      open.add(socket);
      socket.once('close', () => open.delete(socket));
      const client = describeClient(request, connection, options.trustedProxies);
      void begin(request, socket, { requestId: randomUUID(), head, client });
    },
    async drain() {
      isDraining = true;
      if (message instanceof URL)
        await endOneByOne(splices?.open ?? [], (splice) => splice.drain());
      else await message.drain();
      // Those that were just opening: refused by now, or sent away as soon as they are open.
      await Promise.all([...open].map(gone));
    },
    close() {
      splices?.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/** Resolves when a socket has closed, or has had the time to. */
function gone(socket: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, TUNNEL_CLOSE_MS);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

interface Handshake {
  requestId: string;
  head: Uint8Array;
  client: Connection;
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
  /^(authorization|dpop|host|origin|user-agent|sec-websocket-(key|version|protocol|extensions))$/;

/** Changes the headers in place. */
function cleanRequest({ headers }: IncomingMessage, requestId: string): void {
  for (const name of Object.keys(headers)) if (!HANDSHAKE.test(name)) delete headers[name];
  headers.connection = 'Upgrade';
  headers.upgrade = 'websocket';
  headers['x-request-id'] = requestId;
}
