/** One endpoint of the contract as a route: authenticate, validate, call, answer. */
import {
  type Answer,
  ApiError,
  type Body,
  type ByteStream,
  bodyBytesMax,
  type EndpointSpec,
  type Headers as HeadersOf,
  isByteStream,
  type Params,
  type Query,
} from '@sotto/api';
import type { Context } from 'hono';
import { z } from 'zod';
import type { Caller } from './authenticate.ts';
import { type BreakOffOptions, breaksOff } from './break-off.ts';
import { admit, type Guards } from './guards.ts';
import type { App, AppEnv } from './http.ts';
import { isStorable, readJson } from './json-body.ts';
import { fieldPath, invalidRequest } from './problem-response.ts';
import { PROOF_HEADER, PROOF_NONCE_HEADER } from './proof.ts';
import { limitHeaders } from './rate-limit.ts';
import { sameSecret } from './secret.ts';
import type { Connection } from './service.ts';
import { freeingSpent } from './spent-bytes.ts';

/** What a handler gets: everything validated and decoded. */
export interface Call<E extends EndpointSpec> {
  params: Params<E>;
  query: Query<E>;
  /** Those that the endpoint declares. */
  headers: HeadersOf<E>;
  /**
   * For a byte stream the request's own body, unread; its handler bounds it. Of one that comes over a connection each
   * chunk is good until the next one is asked for.
   */
  body: Body<E>;
  caller: E['access'] extends 'user' ? Caller : undefined;
  request: Request;
  /** Where the request came from; undefined for a call within the process. */
  connection: Connection | undefined;
}

/** Gives the answer in decoded form, nothing when the endpoint answers nothing, or a Response that goes out as it is. */
export type Handler<E extends EndpointSpec> = (
  call: Call<E>,
) => Promise<Answer<E> | Response> | (undefined extends Answer<E> ? Promise<void> : never);

/** Adds a route to the app. An answer outside the endpoint's response schema is a bug and answered as `internal`. */
export function mount<E extends EndpointSpec>(
  app: App,
  guards: Guards,
  endpoint: E,
  handler: Handler<E>,
): void {
  const path = endpoint.path.replace(/\{(\w+)\}/g, ':$1');
  const answer = async (context: Context<AppEnv>): Promise<Response> => {
    context.set('route', endpoint.path);
    if (endpoint.everyAnswer !== undefined) context.set('answerHeaders', endpoint.everyAnswer);
    const caller = await authorize(endpoint, guards, context);
    const call = {
      params: decode(endpoint.params, context.req.param()),
      query: decode(endpoint.query, readQuery(context)),
      headers: endpoint.headers && decode(endpoint.headers, readHeaders(endpoint.headers, context)),
      body: await readBody(endpoint, context),
      caller,
      request: context.req.raw,
      connection: context.env,
    };
    // The schemas of `endpoint` made these values; the compiler cannot follow its generic that far.
    return respond(endpoint, await handler(call as Call<E>), {
      connection: context.env,
      onBroken: (error) => context.get('answerBroken')(context.var, error),
    });
  };
  app.on(endpoint.method, path, answer);
  if (endpoint.method === 'HEAD') answerHead(app, path, answer);
}

/** Hono looks for HEAD among the routes of GET alone, so that this one stands in the way of all and lets others pass. */
function answerHead(
  app: App,
  path: string,
  answer: (context: Context<AppEnv>) => Promise<Response>,
) {
  app.all(path, (context, next) => (context.req.method === 'HEAD' ? answer(context) : next()));
}

async function authorize(
  endpoint: EndpointSpec,
  guards: Guards,
  context: Context<AppEnv>,
): Promise<Caller | undefined> {
  const { access, proof, limited } = endpoint;
  const request = context.req.raw;
  if (request.headers.has(PROOF_HEADER)) {
    context.set('answerHeaders', {
      ...context.get('answerHeaders'),
      [PROOF_NONCE_HEADER]: guards.proofs.nonce(),
    });
  }
  if (access === 'anyone') return undefined;
  if (access === 'service') return authorizeService(guards, request);
  const { caller, standing } = await admit(guards, {
    request,
    connection: context.env,
    limited: limited === undefined,
    ...(proof !== undefined && { proof }),
  });
  if (standing !== undefined) {
    context.set('answerHeaders', { ...context.get('answerHeaders'), ...limitHeaders(standing) });
  }
  return caller;
}

function authorizeService({ internalSecret }: Guards, { headers }: Request): undefined {
  const given = headers.get('authorization');
  if (given === null) throw new ApiError('auth.token-missing');
  if (!sameSecret(given, `Service ${internalSecret}`)) throw new ApiError('auth.token-invalid');
  return undefined;
}

function readQuery(context: Context<AppEnv>): Record<string, string> {
  const query: Record<string, string> = Object.create(null);
  if (!context.req.url.includes('?')) return query;
  const { searchParams } = new URL(context.req.url);
  for (const [name, value] of searchParams) {
    if (name in query)
      throw new ApiError('request.invalid', { detail: 'a query name is repeated' });
    query[name] = value;
  }
  return query;
}

function readHeaders(schema: z.core.$ZodObject, context: Context<AppEnv>): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  for (const name of Object.keys(schema._zod.def.shape)) {
    const value = context.req.header(name);
    if (value !== undefined) headers[name] = value;
  }
  return headers;
}

/** What an endpoint does not declare it does not take. */
const NOTHING = z.strictObject({});

function decode(schema: z.core.$ZodObject = NOTHING, input: Record<string, string>): unknown {
  const unstorable = Object.keys(input).filter((name) => !isStorable(input[name]));
  if (unstorable.length > 0) {
    throw new ApiError('request.invalid', { fields: unstorable.map((name) => fieldPath([name])) });
  }
  const result = z.safeDecode(schema, input);
  if (!result.success) throw invalidRequest(result.error.issues);
  return result.data;
}

async function readBody(endpoint: EndpointSpec, context: Context<AppEnv>): Promise<unknown> {
  const { body: schema } = endpoint;
  const request = context.req.raw;
  if (schema === undefined) return undefined;
  if (isByteStream(schema)) return byteStream(context, schema);
  const result = z.safeDecode(schema, await readJson(request, bodyBytesMax(endpoint)));
  if (!result.success) throw invalidRequest(result.error.issues);
  return result.data;
}

function byteStream(
  { req: { raw: request }, env: connection }: Context<AppEnv>,
  { stream }: ByteStream,
): ReadableStream<Uint8Array> {
  if (request.headers.get('content-type') !== stream) {
    throw new ApiError('request.media-type', { detail: `send ${stream}` });
  }
  if (connection?.receive !== undefined) return freeingSpent(connection.receive());
  // What comes within the process may be its sender's still.
  return request.body ?? new ReadableStream({ start: (controller) => controller.close() });
}

function respond(endpoint: EndpointSpec, answer: unknown, breakOff: BreakOffOptions): Response {
  const { status, response, responseHeaders } = endpoint;
  if (answer instanceof Response) {
    if (!isByteStream(response) || answer.body === null) return answer;
    return new Response(breaksOff(answer.body, breakOff), answer);
  }
  if (responseHeaders !== undefined) {
    const headers = encodeAnswer(endpoint, responseHeaders, answer) as Record<string, string>;
    return new Response(null, { status, headers: { ...NO_STORE, ...headers } });
  }
  if (response === undefined) return new Response(null, { status, headers: NO_STORE });
  if (isByteStream(response)) {
    if (!(answer instanceof ReadableStream)) throw new TypeError('the answer is not a stream');
    const headers = { 'content-type': response.stream };
    return new Response(breaksOff(answer, breakOff), { status, headers });
  }
  const encoded = encodeAnswer(endpoint, response, answer);
  return new Response(JSON.stringify(encoded), { status, headers: JSON_HEADERS });
}

function encodeAnswer({ id }: EndpointSpec, schema: z.core.$ZodType, answer: unknown): unknown {
  const encoded = z.safeEncode(schema, answer);
  if (encoded.success) return encoded.data;
  // As a cause: a schema's error thrown as it is would be blamed on the request.
  throw new Error(`the answer of ${id} breaks its contract`, { cause: encoded.error });
}

const NO_STORE = { 'cache-control': 'no-store' };
const JSON_HEADERS = { ...NO_STORE, 'content-type': 'application/json' };
