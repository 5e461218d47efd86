/**
 * One request to a push service (RFC 8030), by a connection to an address that was looked at: the name is resolved once,
 * and what it resolved to is what the socket goes to, so that a name cannot mean another address a moment later.
 */
import { lookup } from 'node:dns';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { getCACertificates } from 'node:tls';
import {
  PUSH_DEADLINE_MS,
  PUSH_IDLE_SOCKETS_MAX,
  PUSH_TTL_SECONDS,
  PUSHES_AT_ONCE,
} from './limits.ts';
import { isSpecialAddress } from './special-address.ts';

export interface PushRequest {
  endpoint: string;
  isUrgent: boolean;
  /** The `Authorization` header (RFC 8292). */
  authorization: string;
}

export interface PushAnswer {
  status: number;
  /** When the push service wants to be asked again. */
  retryAfterMs: number | undefined;
}

export interface PushClient {
  /**
   * Asks for a wake-up. Rejects with a {@link ForbiddenAddressError} before anything is sent to such an address, and with
   * the connection's own error when there is no answer in time. Redirections are answers, and not followed.
   */
  post(wish: PushRequest): Promise<PushAnswer>;
  close(): void;
}

/** A push service's name leads to an address that is none of the public internet's. */
export class ForbiddenAddressError extends Error {
  constructor() {
    super('the push service has no public address');
    this.name = 'ForbiddenAddressError';
  }
}

export interface PushClientOptions {
  /** Lets private addresses pass: for a push service of the operator's own. */
  allowPrivate: boolean;
  /** A PEM file with an authority to believe beside those that Node knows. */
  ca?: string | undefined;
}

/** A client that keeps its connections for a while. */
export function createPushClient({ allowPrivate, ca }: PushClientOptions): PushClient {
  const isForbidden = allowPrivate ? () => false : isSpecialAddress;
  const agent = new Agent({
    keepAlive: true,
    maxSockets: PUSHES_AT_ONCE,
    maxFreeSockets: PUSH_IDLE_SOCKETS_MAX,
    lookup: lookupWithout(isForbidden),
    ...(ca !== undefined && { ca: [...getCACertificates('default'), readFileSync(ca, 'utf8')] }),
  });
  return {
    async post(wish) {
      const url = new URL(wish.endpoint);
      const address = url.hostname.replace(/^\[(.*)\]$/, '$1');
      // An address is not looked up, so the agent would not hear of it.
      if (isIP(address) !== 0 && isForbidden(address)) throw new ForbiddenAddressError();
      return send(agent, url, wish);
    },
    close: () => agent.destroy(),
  };
}

function lookupWithout(isForbidden: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, []);
      const allowed = found.filter(({ address }) => !isForbidden(address));
      const [first] = allowed;
      if (first === undefined) return callback(new ForbiddenAddressError(), []);
      if (options.all) return callback(null, allowed);
      return callback(null, first.address, first.family);
    });
  };
}

function send(
  agent: Agent,
  url: URL,
  { isUrgent, authorization }: PushRequest,
): Promise<PushAnswer> {
  const headers = {
    authorization,
    ttl: String(PUSH_TTL_SECONDS),
    urgency: isUrgent ? 'high' : 'normal',
    // One wake-up takes the place of an earlier one that the push service has yet to deliver.
    topic: 'wake',
    'content-length': '0',
  };
  const signal = AbortSignal.timeout(PUSH_DEADLINE_MS);
  return new Promise((resolve, reject) => {
    const posting = request(url, { method: 'POST', agent, headers, signal }, (response) => {
      // The head has said it all: the rest is read so that the connection can be used again.
      response.on('error', () => undefined).resume();
      const { statusCode: status = 0, headers: answered } = response;
      resolve({ status, retryAfterMs: secondsOf(answered['retry-after']) });
    });
    posting.on('error', reject);
    posting.end();
  });
}

/** Dates are rare here; without a number the usual time passes. */
function secondsOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) * 1000 : undefined;
}
