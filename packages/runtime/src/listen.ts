/** A Fetch on a port, with an orderly end. */
import { randomUUID } from 'node:crypto';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  STATUS_CODES,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { getRequestListener, RequestError } from '@hono/node-server';
import { ApiError, toProblem } from '@sotto/api';
import { shareConnections } from './connection-shares.ts';
import { createRedirectServer } from './https-redirect.ts';
import {
  CONNECTIONS_CHECK_MS,
  CONNECTIONS_MAX,
  DRAIN_MS,
  HEADERS_MS_MAX,
  LINGER_MS,
  REQUEST_MS_MAX,
  TLS_HANDSHAKE_MS,
} from './limits.ts';
import { linger } from './linger.ts';
import { createLogger, type Logger } from './log.ts';
import { ProblemWithHeaders, problemResponse, toApiError } from './problem-response.ts';
import { receive } from './receive.ts';
import { REQUEST_ID_HEADER } from './request-id.ts';
import type { Service } from './service.ts';
import { readTlsPair, type TlsFiles, type TlsWatch, watchTlsPair } from './tls-pair.ts';

export interface Listening {
  /** The port, also when 0 was asked for. */
  port: number;
  /** Takes no more connections, lets answers under way finish for `drainMs`, cuts off the rest. */
  close(): Promise<void>;
}

/** Where to listen, and for how many. */
export interface Place {
  host: string;
  /** 0 for any that is free. */
  port: number;
  /** Connections at one time; further ones are closed as they come. */
  connectionsMax?: number;
  /** Of them for one address: where strangers call, and no proxies of ours stand between. */
  connectionsPerAddressMax?: number;
  trustedProxies?: number;
  /** How long the head of a request may take to arrive. */
  headersMs?: number;
  /** How long closing waits for answers under way; DRAIN_MS when left out. */
  drainMs?: number;
  /** HTTPS, by files that are read again when they change. */
  tls?: TlsFiles | undefined;
  /** Beside HTTPS: plain HTTP there is answered with where HTTPS is. */
  httpRedirectPort?: number | undefined;
  /** Where clients call, as far as that is known. */
  publicOrigins?: readonly string[];
  /** Hears of certificates. */
  log?: Logger;
}

type Answering = Pick<Service, 'fetch' | 'relay' | 'upgrade'>;

/** Listens. Rejects when a port cannot be had, or when certificate and key cannot be used. */
export async function listen(service: Answering, place: Place): Promise<Listening> {
  const main = openServer(service, place);
  const servers = [main];
  try {
    const port = await bind(main.server, place.host, place.port);
    if (place.tls !== undefined && place.httpRedirectPort !== undefined) {
      const { publicOrigins = [] } = place;
      const redirect = createRedirectServer({ port, publicOrigins });
      share(redirect, place);
      servers.push({ server: redirect, sockets: track(redirect) });
      await bind(redirect, place.host, place.httpRedirectPort);
    }
    return { port, close: () => closeAll(servers, place) };
  } catch (error) {
    await closeAll(servers, place);
    throw error;
  }
}

interface OpenServer {
  server: Server;
  /** Those that are open. */
  sockets: ReadonlySet<Socket>;
  /** Watches the certificate. */
  watch?: TlsWatch;
}

function openServer(service: Answering, place: Place): OpenServer {
  const { upgrade } = service;
  const { headersMs = HEADERS_MS_MAX } = place;
  const options = {
    requestTimeout: REQUEST_MS_MAX,
    headersTimeout: headersMs,
    connectionsCheckingInterval: Math.min(CONNECTIONS_CHECK_MS, headersMs),
    // Node's own refusal is not a problem of ours; the listener refuses it too.
    requireHostHeader: false,
    shouldUpgradeCallback: (request: IncomingMessage) =>
      upgrade !== undefined && wantsWebSocket(request) && refuse(request) === undefined,
  };
  const answer = answering(service);
  const { server, watch } = createOne(options, answer, place);
  // Node would refuse by itself, with an empty answer.
  server.on('checkExpectation', answer);
  server.on('connect', refuseConnect);
  server.maxConnections = place.connectionsMax ?? CONNECTIONS_MAX;
  share(server, place);
  server.on('clientError', refuseUnreadable);
  if (upgrade !== undefined) {
    server.on('upgrade', (request, socket, head) => {
      upgrade(request, socket, head, { remoteAddress: addressOf(request) });
    });
  }
  return { server, sockets: track(server), ...(watch && { watch }) };
}

/** Behind proxies all that comes is theirs, for many. */
function share(server: Server, { connectionsPerAddressMax, trustedProxies = 0 }: Place): void {
  if (connectionsPerAddressMax === undefined || trustedProxies > 0) return;
  shareConnections(server, connectionsPerAddressMax);
}

/** By TLS when the place says so. */
function createOne(options: ServerOptions, answer: RequestListener, place: Place) {
  const { tls: files } = place;
  if (files === undefined) return { server: createServer(options, answer) };
  const pair = readTlsPair(files);
  const server = createTlsServer(
    { ...options, ...pair, minVersion: 'TLSv1.2', handshakeTimeout: TLS_HANDSHAKE_MS },
    answer,
  );
  const log = place.log ?? createLogger({ service: 'server', level: 'info' });
  const watch = watchTlsPair({ files, pair, log }, (renewed) => {
    server.setSecureContext({ ...renewed, minVersion: 'TLSv1.2' });
  });
  return { server, watch };
}

function bind(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function addressOf({ socket }: Pick<IncomingMessage, 'socket'>): string {
  return socket.remoteAddress ?? '';
}

/** What answers requests: the relay where it will, else the service's fetch. */
function answering({ fetch, relay }: Answering): RequestListener {
  const listener = getRequestListener(
    async (request, { incoming }) => {
      const refusal = refuse(incoming);
      if (refusal !== undefined) return linger(problemResponse(refusal, randomUUID()), incoming);
      const { socket } = incoming;
      const connection = {
        remoteAddress: addressOf(incoming),
        breakOff: () => socket.destroy(),
        // What is left of it is read and dropped after the answer.
        receive: () => receive(incoming, () => undefined),
      };
      return linger(await fetch(request, connection), incoming);
    },
    {
      // An app answers its own errors, so what comes here is mostly a request that could not be read.
      errorHandler: (error) => problemResponse(outsideApp(error), randomUUID()),
    },
  );
  return (request, response) => {
    const isRelayed =
      relay !== undefined &&
      refuse(request) === undefined &&
      relay(request, response, { remoteAddress: addressOf(request) });
    if (!isRelayed) void listener(request, response);
  };
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

async function closeAll(servers: readonly OpenServer[], { drainMs }: Place): Promise<void> {
  await Promise.all(servers.map((server) => closeServer(server, drainMs)));
}

function closeServer({ server, sockets, watch }: OpenServer, drainMs = DRAIN_MS): Promise<void> {
  watch?.close();
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, drainMs);
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
