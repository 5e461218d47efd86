/** What a service is to the process that hosts it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** Where a request came from. Absent when one service calls another within a process. */
export interface Connection {
  /**
   * The client's address: what the gateway made out, also where it is another process and `behindGateway` took its word;
   * elsewhere the other end of the socket.
   */
  remoteAddress: string;
  /** `https://chat.example.org`, as the client called it, where a proxy hid that. Else the request's own URL says it. */
  origin?: string;
  /** Ends the connection at once, in the middle of an answer that cannot go on. */
  breakOff?: () => void;
  /** The request's body as it arrives, in place of the request's own: less is copied. The reader owns the chunks. */
  receive?: () => ReadableStream<Uint8Array>;
}

/** A request to a response, without a socket in between. */
export type Fetch = (request: Request, connection?: Connection) => Response | Promise<Response>;

/**
 * Answers a request as it came from the socket, for those who pass it on: to make a Request and a Response of it costs
 * more than all the rest. False leaves it to `fetch`, untouched.
 */
export type Relay = (
  request: IncomingMessage,
  response: ServerResponse,
  connection: Connection,
) => boolean;

/** Takes over a connection that asked to become a WebSocket. */
export type Upgrade = (
  request: IncomingMessage,
  socket: Duplex,
  head: Uint8Array,
  connection?: Connection,
) => void;

export interface Service {
  fetch: Fetch;
  relay?: Relay;
  upgrade?: Upgrade;
  /**
   * Before `close`, while requests are still answered: not ready any more, and what lasts, such as WebSockets, is asked
   * to go elsewhere. Resolves when it has gone, within ten seconds or so. Never rejects.
   */
  drain?(): Promise<void>;
  /** Stops taking work, finishes what is under way, closes what the service owns. Has a deadline of its own. */
  close(): Promise<void>;
}

/** The moment, in milliseconds since 1970. An argument, so that tests can set it. */
export type Clock = () => number;
