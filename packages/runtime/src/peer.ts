/** Calls from one service to another, over the network or within one process. */
import {
  type Answer,
  ApiError,
  type Body,
  type EndpointSpec,
  fromProblem,
  isByteStream,
  type Params,
  type Query,
} from '@sotto/api';
import { z } from 'zod';
import { FORWARD_DEADLINE_MS, PEER_DEADLINE_MS } from './limits.ts';
import { startPatience } from './patience.ts';
import type { Fetch } from './service.ts';

/**
 * A service in another process as a Fetch. The request's path and query go to `baseUrl`; its origin is ignored.
 * Rejects with `service.unavailable` when no connection or no answer's head comes in time, with `request.malformed`
 * when the caller breaks off. Bodies may take as long as their sender and their reader like.
 */
export function remotePeer(baseUrl: string): Fetch {
  return async (request) => {
    const { pathname, search } = new URL(request.url);
    const target = new URL(baseUrl);
    // Set, not resolved: a path such as `//host/` would name another server.
    target.pathname = pathname;
    target.search = search;
    const patience = startPatience(FORWARD_DEADLINE_MS);
    try {
      return await fetch(target, {
        method: request.method,
        headers: request.headers,
        body: request.body && patience.watch(request.body),
        redirect: 'manual',
        signal: AbortSignal.any([request.signal, patience.signal]),
        ...(request.body !== null && { duplex: 'half' }),
      });
    } catch (cause) {
      if (request.signal.aborted || patience.broken()) {
        throw new ApiError('request.malformed', { detail: 'the request ended early', cause });
      }
      throw new ApiError('service.unavailable', { cause, retryAfter: 1 });
    } finally {
      patience.end();
    }
  };
}

type Field<Name extends string, Value> = [Value] extends [undefined]
  ? { [K in Name]?: undefined }
  : { [K in Name]: Value };

/** What a call carries, in decoded form: only what the endpoint declares, and all that it needs. */
export type CallInput<E extends EndpointSpec> = Field<'params', Params<E>> &
  Field<'query', Query<E>> &
  Field<'body', Body<E>>;

/**
 * Calls a JSON endpoint of another service with the platform's own credential. Throws the ApiError that the peer
 * answered with, or `service.unavailable` when it cannot be reached in time.
 */
export async function callPeer<E extends EndpointSpec>(
  fetch: Fetch,
  endpoint: E,
  input: CallInput<E>,
  secret: string,
  deadlineMs = PEER_DEADLINE_MS,
): Promise<Answer<E>> {
  const request = toRequest(endpoint, input, { secret, signal: AbortSignal.timeout(deadlineMs) });
  const { response, body } = await exchange(fetch, request);
  if (!response.ok) throw refusal(endpoint, body);
  if (endpoint.response === undefined || isByteStream(endpoint.response)) {
    return undefined as Answer<E>;
  }
  return z.decode(endpoint.response, body as z.input<typeof endpoint.response>) as Answer<E>;
}

interface RequestOptions {
  secret: string;
  signal: AbortSignal;
}

interface RawInput {
  params?: unknown;
  query?: unknown;
  body?: unknown;
}

function toRequest(endpoint: EndpointSpec, input: RawInput, options: RequestOptions): Request {
  const params = encode(endpoint.params, input.params);
  const path = endpoint.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    return encodeURIComponent(String(params[name]));
  });
  const url = new URL(path, 'http://peer');
  for (const [name, value] of Object.entries(encode(endpoint.query, input.query))) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  const headers = new Headers();
  if (endpoint.access === 'service') headers.set('authorization', `Service ${options.secret}`);
  const { method, body } = endpoint;
  if (body === undefined) return new Request(url, { method, headers, signal: options.signal });
  if (isByteStream(body)) throw new TypeError('streams are sent by fetch itself');
  headers.set('content-type', 'application/json');
  const text = JSON.stringify(z.encode(body, input.body));
  headers.set('content-length', String(Buffer.byteLength(text)));
  return new Request(url, { method, headers, body: text, signal: options.signal });
}

function encode(schema: z.core.$ZodObject | undefined, value: unknown): Record<string, unknown> {
  return schema === undefined ? {} : z.encode(schema, (value ?? {}) as z.output<typeof schema>);
}

interface Exchange {
  response: Response;
  body: unknown;
}

async function exchange(fetch: Fetch, request: Request): Promise<Exchange> {
  try {
    return await beforeAbort(request.signal, read(fetch, request));
  } catch (cause) {
    if (cause instanceof ApiError) throw cause;
    throw new ApiError('service.unavailable', { cause, retryAfter: 1 });
  }
}

async function read(fetch: Fetch, request: Request): Promise<Exchange> {
  const response = await fetch(request);
  const text = await response.text();
  return { response, body: text === '' ? undefined : JSON.parse(text) };
}

/** The work, or the signal's reason when that comes first: a peer in this process does not hear the signal. */
function beforeAbort<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** The error of a failed call: the peer's own, unless it speaks of how we called, which is no fault of our caller. */
function refusal(endpoint: EndpointSpec, body: unknown): Error {
  const error = fromProblem(body);
  if (error === undefined) return new ApiError('service.unavailable', { retryAfter: 1 });
  if (/^(request|route|auth\.token-)/.test(error.code)) {
    return new Error(`${endpoint.id} refused the platform's own call: ${error.code}`);
  }
  return error;
}
