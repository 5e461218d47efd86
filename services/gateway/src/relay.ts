/**
 * Requests to services in other processes: from socket to socket, with nothing kept of their bodies.
 *
 * Only what is plain goes this way. All else, from an odd path to a method that nobody takes, is left to the app, which
 * knows how to refuse it.
 */
import { randomUUID } from 'node:crypto';
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { ApiError } from '@sotto/api';
import {
  type Connection,
  freeReceived,
  gatewayHeaders,
  type Relay,
  type RequestMeter,
  toApiError,
} from '@sotto/runtime';
import { answerHeaders, answerProblem, endAnswer, type Ours } from './answer.ts';
import { describeClient } from './client.ts';
import type { Events } from './events.ts';
import { flow } from './flow.ts';
import type { SecurityHeaders } from './headers.ts';
import { findRoute, type Route } from './route-table.ts';
import { headersToSend, isPlain, RELAYED_METHODS } from './screen.ts';
import type { SourceLimit } from './source-limit.ts';
import type { Wire, Wires } from './wires.ts';

export interface RelayOptions {
  routes: readonly Route[];
  wires: Wires;
  trustedProxies: number;
  internalSecret: string;
  sourceLimit: SourceLimit;
  securityHeaders: SecurityHeaders;
  meter: RequestMeter;
  events: Events;
}

/** What is known of a request that goes on. */
interface Passage extends Ours {
  request: IncomingMessage;
  response: ServerResponse;
  route: Route;
  /** Path and query. */
  target: string;
  client: Connection;
}

/** A relay to the services that the routes name. */
export function createRelay(options: RelayOptions): Relay {
  const { routes, sourceLimit, trustedProxies, events } = options;
  const toService = gatewayHeaders(options.internalSecret);
  return (request, response, connection) => {
    const target = plainTarget(request);
    const route = target === undefined ? undefined : findRoute(routes, pathOf(target));
    if (target === undefined || route === undefined) return false;
    const client = describeClient(request, connection, trustedProxies);
    // A Host that is none is refused with the rest.
    if (client.origin === undefined) return false;
    const requestId = randomUUID();
    const security = options.securityHeaders(client);
    const passage = { request, response, route, target, requestId, client, security };
    measure(passage, options.meter);
    const wire = options.wires[route.service];
    const pass = (): void => send(passage, wire, { events, told: toService(client) });
    const refuse = (error: unknown): void => {
      const refusal = toApiError(error);
      events.requestRefused(refusal.code);
      answerProblem(request, response, { error: refusal, requestId, security });
    };
    try {
      const taken = sourceLimit.take(client.remoteAddress);
      if (taken === undefined) pass();
      else taken.then(pass).catch(refuse);
    } catch (error) {
      refuse(error);
    }
    return true;
  };
}

/** Path and query, of a request that means one thing to everyone who reads it. */
function plainTarget({ method = '', url = '' }: IncomingMessage): string | undefined {
  if (!RELAYED_METHODS.has(method)) return undefined;
  if (isPlain(url)) return url;
  // In absolute form: what it calls the host is of no interest.
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) return undefined;
  const { pathname, search } = new URL(url);
  return isPlain(pathname + search) ? pathname + search : undefined;
}

function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query === -1 ? target : target.slice(0, query);
}

function measure({ request, response, route, requestId }: Passage, meter: RequestMeter): void {
  const started = performance.now();
  response.once('close', () => {
    const { statusCode: status } = response;
    const durationMs = performance.now() - started;
    meter({
      requestId,
      method: request.method ?? '',
      route: `${route.prefix}/*`,
      status,
      durationMs,
    });
  });
}

interface Sending {
  events: Events;
  told: Readonly<Record<string, string>>;
  /** The connection that was taken first had been closed by the service meanwhile. */
  isSecondTry?: boolean;
}

function send(passage: Passage, wire: Wire, sending: Sending): void {
  const { request, response, target, requestId } = passage;
  if (response.destroyed) return;
  const { headers, hasBody } = headersToSend(request, {
    host: wire.host,
    requestId,
    told: sending.told,
  });
  const upstream = wire.open({ method: request.method ?? '', path: target, headers });
  let answer: IncomingMessage | undefined;
  upstream.once('response', (arrived: IncomingMessage) => {
    answer = arrived;
    freeReceived(arrived);
    pour(arrived, passage);
  });
  let stop = (): void => undefined;
  upstream.on('error', (error: Error) => {
    stop();
    if (response.destroyed || answer?.complete) return;
    if (answer !== undefined) response.destroy();
    else if (mayTryAgain(upstream, { hasBody, ...sending })) {
      send(passage, wire, { ...sending, isSecondTry: true });
    } else fail(passage, error, sending.events);
  });
  // The client has gone, or the answer has not come to its end.
  response.once('close', () => {
    if (!response.writableFinished) upstream.destroy();
  });
  if (hasBody) {
    stop = flow(request, upstream);
    request.once('end', () => upstream.end());
  } else upstream.end();
}

/** A service may close a connection in the moment in which a request takes it. It has read nothing then. */
function mayTryAgain(
  upstream: ClientRequest,
  { hasBody, isSecondTry }: { hasBody: boolean; isSecondTry?: boolean },
): boolean {
  return upstream.reusedSocket && !hasBody && upstream.method === 'GET' && isSecondTry !== true;
}

/** The service's answer as it comes, no faster than the client reads it. It breaks off where the service's does. */
function pour(answer: IncomingMessage, { request, response, ...ours }: Passage): void {
  const { statusCode = 502, statusMessage } = answer;
  const { headers, isLast } = answerHeaders(answer.rawHeaders, ours);
  response.writeHead(statusCode, statusMessage, headers);
  answer.on('error', () => response.destroy());
  flow(answer, response);
  answer.once('end', () => endAnswer(request, response, { isLast }));
}

function fail({ request, response, ...ours }: Passage, cause: Error, events: Events): void {
  events.serviceFailed(cause);
  const error = new ApiError('service.unavailable', { cause, retryAfter: 1 });
  answerProblem(request, response, { error, ...ours });
}
