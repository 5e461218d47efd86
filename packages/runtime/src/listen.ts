/** A Fetch on a port, with an orderly end. */
import { randomUUID } from 'node:crypto';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  STATUS_CODES,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { getRequestListener, RequestError } from '@hono/node-server';
import { ApiError, toProblem } from '@sotto/api';
import { CONNECTIONS_MAX, DRAIN_MS, LINGER_MS, REQUEST_MS_MAX } from './limits.ts';
import { linger } from './linger.ts';
import { ProblemWithHeaders, problemResponse, toApiError } from './problem-response.ts';
import { REQUEST_ID_HEADER } from './request-id.ts';
import type { Service } from './service.ts';

export interface Listening {
  /** The port, also when 0 was asked for. */
  port: number;
  /** Takes no more connections, lets answers under way finish for five seconds, cuts off the rest. */
  close(): Promise<void>;
}

/** Where to listen, and for how many. */
export interface Place {
  host: string;
  /** 0 for any that is free. */
  port: number;
  /** Connections at one time; further ones are closed as they come. */
  connectionsMax?: number;
}

/** Listens. Rejects when the port cannot be had. */
export async function listen(
  { fetch, relay, upgrade }: Pick<Service, 'fetch' | 'relay' | 'upgrade'>,
  { host, port, connectionsMax = CONNECTIONS_MAX }: Place,
): Promise<Listening> {
  const listener = getRequestListener(
    async (request, { incoming }) => {
      const refusal = refuse(incoming);
      if (refusal !== undefined) return linger(problemResponse(refusal, randomUUID()), incoming);
      const remoteAddress = incoming.socket.remoteAddress ?? '';
      return linger(await fetch(request, { remoteAddress }), incoming);
    },
    {
      // An app answers its own errors, so what comes here is mostly a request that could not be read.
      errorHandler: (error) => problemResponse(outsideApp(error), randomUUID()),
    },
  );
  const options = {
    requestTimeout: REQUEST_MS_MAX,
    // Node's own refusal is not a problem of ours; the listener refuses it too.
    requireHostHeader: false,
    shouldUpgradeCallback: (request: IncomingMessage) =>
      upgrade !== undefined && wantsWebSocket(request) && refuse(request) === undefined,
  };
  const answer: RequestListener = (request, response) => {
    const remoteAddress = request.socket.remoteAddress ?? '';
    const isRelayed =
      relay !== undefined &&
      refuse(request) === undefined &&
      relay(request, response, { remoteAddress });
    if (!isRelayed) void listener(request, response);
  };
  const server = createServer(options, answer);
  // Node would refuse by itself, with an empty answer.
  server.on('checkExpectation', answer);
  server.on('connect', refuseConnect);
  server.maxConnections = connectionsMax;
  server.on('clientError', refuseUnreadable);
  if (upgrade !== undefined) {
    server.on('upgrade', (request, socket, head) => {
      upgrade(request, socket, head, { remoteAddress: request.socket.remoteAddress ?? '' });
    });
  }
  const sockets = track(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address() as AddressInfo;
  return { port: address.port, close: () => closeServer(server, sockets) };
}

function outsideApp(error: unknown): ApiError {
  return error instanceof RequestError ? new ApiError('request.malformed') : toApiError(error);
}

type Head = Pick<IncomingMessage, 'headers' | 'rawHeaders'>;

/** What Node lets pass and others on the way may read in another way, or wait for in vain. */
function refuse({ headers, rawHeaders }: Head): ApiError | undefined {
  let hosts = 0;
  let credentials = 0;
  // Names and values take turns.
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]?.toLowerCase();
    if (name === 'host') hosts += 1;
    else if (name === 'authorization') credentials += 1;
  }
  if (hosts > 1 || credentials > 1) {
    const detail = `more than one ${hosts > 1 ? 'Host' : 'Authorization'} header`;
    return new ProblemWithHeaders('request.malformed', CLOSE, { detail });
  }
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue') {
    const detail = 'the only expectation that is met is 100-continue';
    return new ProblemWithHeaders('request.invalid', CLOSE, { detail });
  }
  return undefined;
}

const CLOSE = { connection: 'close' };

/** Other protocols that a client offers to speak, such as HTTP/2, may be ignored (RFC 9110, 7.8). */
function wantsWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}

/** Node forgets sockets that were upgraded; the end of the server must not. */
function track(server: Server): Set<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

function closeServer(server: Server, sockets: Set<Socket>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, DRAIN_MS);
    // A connection whose last answer has left stays open for the next request, which shall go elsewhere.
    const idle = setInterval(() => server.closeIdleConnections(), IDLE_SWEEP_MS);
    server.close(() => {
      clearTimeout(timer);
      clearInterval(idle);
      resolve();
    });
  });
}

const IDLE_SWEEP_MS = 50;

/** What is no HTTP gets an answer all the same, then the connection ends: nothing after it can be trusted. */
function refuseUnreadable(error: Error & { code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const problem = new ApiError(late ? 'request.timeout' : 'request.malformed');
  hangUp(socket, problem, error.code === 'HPE_HEADER_OVERFLOW' ? 431 : problem.status);
}

/** Node has let go of the connection already. */
function refuseConnect(_: IncomingMessage, socket: Duplex): void {
  // A socket without a listener for its errors ends the process.
  socket.on('error', () => socket.destroy());
  socket.resume();
  hangUp(socket, new ApiError('request.invalid', { detail: 'this is no proxy' }));
}

/** Answers by hand and ends the connection, also when its other end never does. */
function hangUp(socket: Duplex, problem: ApiError, status = problem.status): void {
  const requestId = randomUUID();
  const body = JSON.stringify(toProblem(problem, requestId));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/problem+json',
    'cache-control: no-store',
    `${REQUEST_ID_HEADER}: ${requestId}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
}
