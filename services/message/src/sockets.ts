/** The WebSocket endpoint: who may open one, which are open, and how they all end. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import {
  ApiError,
  CLOSE_CODES,
  FRAME_BYTES_MAX,
  PROBLEMS,
  SOCKET_PATH,
  SOCKET_PROTOCOL,
  SOCKET_TICKET_PREFIX,
  toProblem,
} from '@sotto/api';
import {
  admit,
  type Caller,
  type Clock,
  type Connection,
  endOneByOne,
  type Guards,
  PROOF_HEADER,
  ProblemWithHeaders,
  type Revocations,
  toApiError,
} from '@sotto/runtime';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Arrive } from './arrivals.ts';
import type { Copies } from './copies.ts';
import type { Events } from './events.ts';
import type { Hub } from './hub.ts';
import { CLOSE_MS, FRAGMENTS_MAX, TICK_MS } from './limits.ts';
import { SocketSession, type SocketSessionDeps } from './socket-session.ts';
import type { Tickets } from './socket-ticket.ts';

export interface SocketsDeps extends SocketSessionDeps {
  hub: Hub;
  guards: Guards;
  tickets: Tickets;
  revocations: Pick<Revocations, 'has' | 'onRevoked'>;
  clock: Clock;
  copies: Copies;
  events: Events;
  arrive: Arrive;
  /** A device has connected here: other nodes close the older socket that they may have for it. */
  announce(session: SocketSession, arrival: number): void;
  /** A device is no longer connected here, by this socket at least. */
  depart(session: SocketSession): void;
}

const SERVER_OPTIONS = {
  noServer: true,
  clientTracking: false,
  maxPayload: FRAME_BYTES_MAX,
  maxFragments: FRAGMENTS_MAX,
  // It costs twenty times the speed and 240 KiB per socket, and ciphertexts do not compress.
  perMessageDeflate: false,
  closeTimeout: CLOSE_MS,
  handleProtocols: (offered: Set<string>) =>
    offered.has(SOCKET_PROTOCOL) ? SOCKET_PROTOCOL : false,
} as const;

interface Handshake {
  request: IncomingMessage;
  stream: Duplex;
  head: Uint8Array;
  connection: Connection | undefined;
}

interface Opened {
  socket: WebSocket;
  stream: Duplex;
  caller: Caller;
}

export class Sockets {
  readonly #deps: SocketsDeps;
  readonly #sessions = new Set<SocketSession>();
  readonly #server: WebSocketServer;
  readonly #ticker: NodeJS.Timeout;
  readonly #stopHearing: () => void;
  #isClosing = false;

  /** Ticks from the start. Close it. */
  constructor(deps: SocketsDeps) {
    this.#deps = deps;
    this.#server = new WebSocketServer(SERVER_OPTIONS);
    this.#ticker = setInterval(() => {
      const [now, moment] = [deps.clock(), performance.now()];
      for (const session of this.#sessions) session.tick(now, moment);
    }, TICK_MS);
    this.#stopHearing = deps.revocations.onRevoked((ended) => {
      for (const session of this.#sessions) {
        if (session.session === ended) session.close(CLOSE_CODES.tokenEnded);
      }
    });
  }

  /** Takes over a connection: makes it a socket, or answers why not. */
  upgrade(
    request: IncomingMessage,
    stream: Duplex,
    head: Uint8Array,
    connection?: Connection,
  ): void {
    // Until ws takes over, nobody else hears when the other side goes away.
    stream.on('error', () => stream.destroy());
    this.#open({ request, stream, head, connection }).catch((error) =>
      refuse(stream, toApiError(error)),
    );
  }

  /** For how long, in milliseconds, each has been owed something and got nothing. */
  *stillForMs(): Iterable<number> {
    const moment = performance.now();
    for (const session of this.#sessions) yield session.stillForMs(moment);
  }

  /**
   * Takes no more sockets, and closes those that are open with a code that makes clients connect elsewhere at once: not
   * all in one moment, or they would all come back in one. Resolves when all are gone, which takes twelve seconds at most.
   */
  async drain(): Promise<void> {
    this.#isClosing = true;
    await endOneByOne(this.#sessions, (session) => session.drain());
  }

  /** Drains, and lets go of everything. */
  async close(): Promise<void> {
    await this.drain();
    clearInterval(this.#ticker);
    this.#stopHearing();
    this.#server.close();
  }

  async #open({ request, stream, head, connection }: Handshake): Promise<void> {
    const [path] = request.url?.split('?') ?? [];
    if (path !== SOCKET_PATH) throw new ApiError('route.not-found');
    if (this.#isClosing) throw new ApiError('service.unavailable', { retryAfter: 1 });
    const caller = await this.#admit(request, connection);
    // Before the device hears that it is connected, so that a connection which it makes after this one is the newer.
    const arrival = await this.#deps.arrive();
    // When one poll brings the answer and the client's end, in this order, the end is not known until the poll is over.
    await turn();
    // Ends the stream when its client has gone meanwhile.
    this.#server.handleUpgrade(request, stream, Buffer.from(head), (socket) => {
      this.#attend({ socket, stream, caller }, arrival);
    });
  }

  /** By the access token in a header, with a proof when it is bound, or by a ticket in the list of subprotocols. */
  async #admit({ headers }: IncomingMessage, connection: Connection | undefined): Promise<Caller> {
    const { guards, tickets } = this.#deps;
    const offered = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? [];
    const ticket = offered.find((name) => name.startsWith(SOCKET_TICKET_PREFIX));
    if (headers.authorization !== undefined || ticket === undefined) {
      const request = { method: 'GET', url: urlOf(headers), headers: credentialsOf(headers) };
      const arrival = { request, connection, proof: 'when-bound', limited: false } as const;
      return (await admit(guards, arrival)).caller;
    }
    return tickets.redeem(ticket.slice(SOCKET_TICKET_PREFIX.length));
  }

  #attend({ socket, stream, caller }: Opened, arrival: number): void {
    const { hub, revocations, announce, depart } = this.#deps;
    const session = new SocketSession(this.#deps, {
      socket,
      stream,
      caller,
      onEnd(ended) {
        hub.leave(ended);
        depart(ended);
      },
      onGone: (gone) => this.#sessions.delete(gone),
    });
    this.#sessions.add(session);
    // Both may have happened while the handshake was under way.
    if (this.#isClosing) {
      session.close(CLOSE_CODES.draining);
      return;
    }
    if (revocations.has(caller.session)) {
      session.close(CLOSE_CODES.tokenEnded);
      return;
    }
    // Live first, so that nothing falls between it and what the catch-up reads.
    const older = hub.join(session, arrival);
    older?.close(CLOSE_CODES.replaced);
    if (older === session) return;
    announce(session, arrival);
    void session.start();
    void this.#meet(caller);
  }

  /** A device that no copy names would get nothing, for as long as it talks to nobody: its event was late or lost. */
  async #meet({ user, device }: Caller): Promise<void> {
    const { copies, events, turnstile } = this.#deps;
    try {
      if (await turnstile(() => copies.has({ user, device }))) return;
      await Promise.all([copies.hasUser(user), copies.fetchDeviceList(user)]);
    } catch (error) {
      events.meetingFailed(error);
    }
  }
}

/** Where the client called, for its proof to name. */
function urlOf({ host = 'localhost' }: IncomingHttpHeaders): string {
  return `http://${host}${SOCKET_PATH}`;
}

function credentialsOf(headers: IncomingHttpHeaders): Headers {
  const credentials = new Headers();
  for (const name of ['authorization', PROOF_HEADER]) {
    const value = headers[name];
    if (typeof value === 'string') credentials.set(name, value);
  }
  return credentials;
}

/** An answer in place of the upgrade; nothing may follow it on this connection. */
function refuse(stream: Duplex, error: ApiError): void {
  if (stream.destroyed) return;
  const { status } = PROBLEMS[error.code];
  const body = JSON.stringify(toProblem(error));
  const lines = [
    `HTTP/1.1 ${status} Refused`,
    'content-type: application/problem+json',
    'cache-control: no-store',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  if (status === 401) lines.push('www-authenticate: Bearer');
  if (error instanceof ProblemWithHeaders) {
    for (const [name, value] of Object.entries(error.headers)) lines.push(`${name}: ${value}`);
  }
  if (error.options.retryAfter !== undefined)
    lines.push(`retry-after: ${error.options.retryAfter}`);
  stream.end(`${lines.join('\r\n')}\r\n\r\n${body}`, () => stream.destroy());
}
