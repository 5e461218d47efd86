/** What a service is to the process that hosts it. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** A request to a response, without a socket in between. */
export type Fetch = (request: Request) => Response | Promise<Response>;

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
