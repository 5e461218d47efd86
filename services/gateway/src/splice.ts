/** Two sockets, each the other's end: a client's, and one of our own to the message service. */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Socket } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import { ApiError, CLOSE_CODES, SOCKET_PATH, toProblem } from '@sotto/api';
import { endOneByOne, gatewayHeaders, ProblemWithHeaders, type Upgrade } from '@sotto/runtime';
import type { Events } from './events.ts';
import { closeFrame, FrameTracker } from './frame-tracker.ts';
import { TUNNEL_CLOSE_MS, TUNNEL_KEEP_ALIVE_MS, TUNNEL_LOOK_MS, TUNNEL_OPEN_MS } from './limits.ts';
import { type Hearing, hear } from './tunnel-silence.ts';

/** One that is open, or opening. */
export interface Splice {
  /**
   * Sends the client away with a code that makes it come again. Resolves when it has gone, or has been cut off. While
   * the service has not answered yet, refuses the client in its place.
   */
  drain(): Promise<void>;
  /** Of one that is open: whether its service still says something. */
  hearing?: Hearing | undefined;
}

/** What is said to whoever comes while the gateway drains. */
export const GOING = new ApiError('service.unavailable', {
  detail: 'the gateway goes down',
  retryAfter: 1,
});

export interface SplicesOptions {
  service: URL;
  internalSecret: string;
  events: Events;
  /** Between two looks at all of them; TUNNEL_LOOK_MS when left out. */
  lookMs?: number | undefined;
}

/** An Upgrade that opens a socket of its own to a service elsewhere, and what it has opened. Close it. */
export function openSplices({ service, internalSecret, events, lookMs }: SplicesOptions): {
  upgrade: Upgrade;
  open: ReadonlySet<Splice>;
  /** Looks no more for those that have fallen silent. */
  close(): void;
} {
  const open = new Set<Splice>();
  const looking = setInterval(() => endSilent(open, events), lookMs ?? TUNNEL_LOOK_MS);
  const send = service.protocol === 'https:' ? httpsRequest : httpRequest;
  const toService = gatewayHeaders(internalSecret);
  const upgrade: Upgrade = (request, socket, head, client = { remoteAddress: '' }) => {
    const requestId = String(request.headers['x-request-id']);
    const upstream = send(new URL(SOCKET_PATH, service), {
      headers: { ...request.headers, host: service.host, ...toService(client) },
      agent: false,
      timeout: TUNNEL_OPEN_MS,
    });
    const splice = shake(upstream, { socket, head, requestId, events });
    open.add(splice);
    socket.once('close', () => open.delete(splice));
    upstream.end();
  };
  return { upgrade, open, close: () => clearInterval(looking) };
}

/** One by one: all that lead to one node fall silent together, and their clients come again together. */
function endSilent(open: Iterable<Splice>, events: Events): void {
  const silent = [...open].filter(({ hearing }) => hearing?.isOver() === true);
  void endOneByOne(silent, async (splice) => {
    events.tunnelSilent();
    await splice.drain();
    splice.hearing?.cut();
  });
}

interface Handshake {
  socket: Duplex;
  head: Uint8Array;
  requestId: string;
  events: Events;
}

/**
 * Waits for the service's answer. Nothing of the handshake is held once the sockets are joined: a tunnel stays open for
 * hours, and there are tens of thousands.
 */
function shake(upstream: ClientRequest, { socket, head, requestId, events }: Handshake): Splice {
  let answered = false;
  const refuse = (refusal: ApiError): void => {
    answered = true;
    upstream.destroy();
    answerOnSocket(socket, refusal, requestId);
  };
  const splice: Splice = {
    async drain() {
      if (answered || socket.destroyed) return;
      events.tunnelRefused(GOING.code);
      refuse(GOING);
    },
  };
  // Whoever ends the connection before the answer waits for none, and has perhaps another one already: the service would
  // take this one for the newer, and close that.
  const onGone = (): void => {
    answered = true;
    upstream.destroy();
    socket.destroy();
  };
  socket.once('end', onGone).once('close', onGone);
  upstream.once('timeout', () => upstream.destroy(new Error('no answer to the handshake')));
  upstream.on('error', (error) => {
    if (answered || socket.destroyed) return;
    events.tunnelFailed(error);
    refuse(new ApiError('service.unavailable', { retryAfter: 1 }));
  });
  upstream.once('upgrade', (response, other, otherHead) => {
    answered = true;
    socket.off('end', onGone).off('close', onGone);
    socket.write(headOf(response, requestId));
    if (otherHead.length > 0) socket.write(otherHead);
    if (head.length > 0) other.write(head);
    splice.drain = join(socket, other, framesAfter(otherHead));
    splice.hearing = hear(other);
  });
  // A refusal is the service's to word. Nothing that the client says after it is heard.
  upstream.once('response', (response) => {
    answered = true;
    socket.write(headOf(response, requestId));
    pour(response, socket);
  });
  return splice;
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

function framesAfter(bytes: Uint8Array): FrameTracker {
  const frames = new FrameTracker();
  frames.push(bytes);
  return frames;
}

/** What one reads the other writes, no faster than it can. Returns how to drain it. */
function join(socket: Duplex, other: Duplex, frames: FrameTracker): Splice['drain'] {
  keepAlive(socket);
  keepAlive(other);
  // Before the data goes on, so that what has been followed is what has been written.
  other.on('data', (chunk: Uint8Array) => frames.push(chunk));
  pass(socket, other);
  const stop = pass(other, socket);
  return () => drain({ socket, other, frames, stop });
}

/**
 * Passes on what comes, as a pipe would, with fewer objects for each. An orderly end goes through; see `endTogether`.
 * Returns what stops it.
 */
function pass(from: Duplex, to: Duplex): () => void {
  const forward = (chunk: Uint8Array): void => {
    if (!to.write(chunk)) from.pause();
  };
  from.on('data', forward);
  from.on('end', () => to.end());
  to.on('drain', () => from.resume());
  endTogether(from, to);
  return () => {
    from.off('data', forward);
    from.resume();
  };
}

interface Draining {
  socket: Duplex;
  other: Duplex;
  frames: FrameTracker;
  /** Passes no more of what the service says to the client. */
  stop(): void;
}

/** Between two frames of the service the client is told to come again; it says goodbye to the service itself. */
function drain({ socket, other, frames, stop }: Draining): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) return resolve();
    const timer = setTimeout(() => socket.destroy(), TUNNEL_CLOSE_MS);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    const tell = (): void => {
      if (!frames.isBetweenFrames) return;
      other.off('data', tell);
      // What the service still says is sent again on the client's next connection.
      stop();
      socket.write(closeFrame(CLOSE_CODES.draining));
    };
    other.on('data', tell);
    tell();
  });
}

/** Passes a refusal on. An orderly end goes through; see `endTogether`. */
function pour(from: Readable, to: Duplex): void {
  endTogether(from, to);
  from.pipe(to);
}

/**
 * An orderly end goes through, after all that came before it; anything else ends both at once. Either way the second
 * does not outlive the first: a peer that never hangs up would hold it for ever.
 */
function endTogether(from: Readable, to: Duplex): void {
  from.on('error', () => from.destroy());
  from.once('close', () => {
    if (to.writableEnded && !to.writableFinished) to.once('finish', () => to.destroy());
    else to.destroy();
  });
}

function keepAlive(socket: Duplex): void {
  if (!(socket instanceof Socket)) return;
  socket.setTimeout(0);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, TUNNEL_KEEP_ALIVE_MS);
}

/** Answers by hand: no HTTP server is behind the socket any more. */
export function answerOnSocket(socket: Duplex, error: ApiError, requestId: string): void {
  const body = JSON.stringify(toProblem(error, requestId));
  const { retryAfter } = error.options;
  const own = error instanceof ProblemWithHeaders ? Object.entries(error.headers) : [];
  const head = [
    `HTTP/1.1 ${error.status} ${error.code}`,
    'content-type: application/problem+json',
    'cache-control: no-store',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    ...own.map(([name, value]) => `${name}: ${value}`),
    ...(retryAfter === undefined ? [] : [`retry-after: ${retryAfter}`]),
    'connection: close',
  ];
  // Not left to the client, who may never hang up.
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
