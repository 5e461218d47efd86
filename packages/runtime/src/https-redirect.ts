/** Plain HTTP, answered with where HTTPS is. */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { ApiError, toProblem } from '@sotto/api';
import { CONNECTIONS_MAX, REDIRECT_MS } from './limits.ts';
import { REQUEST_ID_HEADER } from './request-id.ts';

export interface RedirectTarget {
  /** Of the HTTPS server. */
  port: number;
  /** What clients call, where that is known: the one of the host that was called is meant. */
  publicOrigins: readonly string[];
}

/**
 * A server that sends GET and HEAD requests to HTTPS, with their path, and refuses all others: what they carry has been
 * on the wire already, and their senders shall notice.
 */
export function createRedirectServer(target: RedirectTarget): Server {
  const server = createServer(
    { requestTimeout: REDIRECT_MS, headersTimeout: REDIRECT_MS, requireHostHeader: false },
    (request, response) => answer(request, response, target),
  );
  server.maxConnections = CONNECTIONS_MAX;
  return server;
}

function answer(request: IncomingMessage, response: ServerResponse, target: RedirectTarget): void {
  const { method, url = '/' } = request;
  const origin = originOf(request.headers.host ?? '', target);
  response.setHeader('connection', 'close');
  response.setHeader('cache-control', 'no-store');
  if ((method === 'GET' || method === 'HEAD') && origin !== undefined && url.startsWith('/')) {
    response.writeHead(308, { location: origin + url }).end();
    return;
  }
  const requestId = randomUUID();
  const problem = toProblem(new ApiError('request.invalid', { detail: 'use https' }), requestId);
  response.writeHead(problem.status, {
    'content-type': 'application/problem+json',
    [REQUEST_ID_HEADER]: requestId,
  });
  response.end(JSON.stringify(problem));
}

const HTTPS_PORT = 443;

/** Of the host that was called, when that is a host. */
function originOf(host: string, { port, publicOrigins }: RedirectTarget): string | undefined {
  const [, name] = /^([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/.exec(host.toLowerCase()) ?? [];
  if (name === undefined) return undefined;
  const known = publicOrigins.find((one) => {
    return one.startsWith('https:') && new URL(one).hostname === name;
  });
  return known ?? `https://${name}${port === HTTPS_PORT ? '' : `:${port}`}`;
}
