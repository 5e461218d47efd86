/** What a service is to the process that hosts it. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** Where a request came from. Absent when one service calls another within a process. */
export interface Connection {
  /** The address at the other end of the socket: the caller's own, or that of a proxy in front of us. */
  remoteAddress: string;
}

/** A request to a response, without a socket in between. */
export type Fetch = (request: Request, connection?: Connection) => Response | Promise<Response>;

/** Takes over a connection that asked to become a WebSocket. */
export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Uint8Array) => void;

export interface Service {
  fetch: Fetch;
  upgrade?: Upgrade;
  /** Stops taking work, finishes what is under way, closes what the service owns. Has a deadline of its own. */
  close(): Promise<void>;
}

/** The moment, in milliseconds since 1970. An argument, so that tests can set it. */
export type Clock = () => number;
