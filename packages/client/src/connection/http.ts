/** Calls of the platform's operations: the one place that fetches. */
import {
  type Answer,
  ApiError,
  type Body,
  type ByteStream,
  type EndpointSpec,
  encodeBase64url,
  fromProblem,
  fromProblemHeaders,
  type Headers as HeadersOf,
  isByteStream,
  type Params,
  type Query,
} from '@sotto/api';
import type { ByteRange } from '@sotto/crypto/files';
import * as z from 'zod/mini';
import type { Prover } from '../account/proof.ts';
import { ClientError, ConnectionError } from '../errors.ts';
import { ANSWER_BYTES_MAX, CALL_MS_MAX } from '../limits.ts';
import { followRedirect } from './redirect.ts';

/**
 * What an operation takes; nothing for what it does not declare. Streams are given as bytes: browsers send no others
 * over HTTP/1.1, and what is sent can be sent again.
 */
export type Input<E extends EndpointSpec> = Part<'params', Params<E>> &
  OptionalPart<'query', Query<E>> &
  Part<'headers', HeadersOf<E>> &
  Part<'body', E['body'] extends ByteStream ? Uint8Array : Body<E>>;
type Part<Name extends string, T> = [T] extends [undefined] ? unknown : { [N in Name]: T };
type OptionalPart<Name extends string, T> = [T] extends [undefined]
  ? unknown
  : { [N in Name]?: Partial<T> };

/** How a call shows who makes it; a stranger's shows nothing. */
export interface Authorization {
  /** The access token. */
  readonly token?: string;
  /** Whether the device key signs the request, and the token with it. */
  readonly signed?: boolean;
}

/** How one call is made. */
export interface CallOptions {
  /** Gives the call up, and the stream that it answers with. Its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** Until all of the answer is there, or the beginning of a stream; CALL_MS_MAX when left out. */
  readonly deadlineMs?: number;
  /** Of a stream these bytes only. */
  readonly range?: ByteRange | undefined;
}

/** Runs one operation. */
export type Exchange = <E extends EndpointSpec>(
  endpoint: E,
  input: Input<E>,
  options?: Authorization & CallOptions,
) => Promise<Answer<E>>;

export interface ExchangeOptions {
  /** Origin of the platform. */
  readonly url: string;
  readonly fetch: typeof globalThis.fetch;
  readonly prover: Prover;
  /** Aborts everything under way when the client closes. */
  readonly signal: AbortSignal;
}

/**
 * Makes the function that talks to one platform. It throws the platform's `ApiError`; `ConnectionError` when there
 * was no answer of the platform, in which case the operation may or may not have happened; `ClientError`
 * `answer.invalid` when the answer breaks the contract, and `client.closed`. A redirect is not followed but counts as
 * no answer: passwords and tokens go to the origin that the application named, and nowhere else. Only streams may come
 * from another place, which is asked without them.
 */
export function createExchange({ url, fetch, prover, signal: closing }: ExchangeOptions): Exchange {
  return async (endpoint, input, { token, signed = false, ...options } = {}) => {
    const given = input as Given;
    const target = new URL(pathOf(endpoint, given.params ?? {}), url);
    for (const [name, value] of Object.entries(given.query ?? {})) {
      if (value !== undefined) target.searchParams.set(name, textOf(value));
    }
    const { headers: own, ...request } = requestOf(endpoint, given);
    const range = options.range && {
      range: `bytes=${options.range.start}-${options.range.end - 1}`,
    };
    const status = options.range === undefined ? endpoint.status : 206;
    const reach: Reach = (step) =>
      step.catch((cause) => Promise.reject(lost(cause, closing, options.signal)));
    const attempt = async (proof?: string) => {
      const deadline = new AbortController();
      const timer = setTimeout(() => deadline.abort(), options.deadlineMs ?? CALL_MS_MAX);
      const limits = [closing, deadline.signal, ...(options.signal ? [options.signal] : [])];
      const signal = AbortSignal.any(limits);
      const isMovable = isByteStream(endpoint.response);
      const headers = { ...own, ...range, ...authorizationOf(token, proof) };
      const redirect = isMovable ? 'manual' : 'error';
      try {
        const answer = await reach(fetch(target, { ...request, headers, redirect, signal }));
        prover.learn(answer.headers);
        const follow = { fetch, target, headers, signal, status };
        const response = isMovable ? await reach(followRedirect(answer, follow)) : answer;
        return await readAnswer(endpoint, { response, status, reach });
      } finally {
        clearTimeout(timer);
      }
    };
    if (!signed) return attempt();
    const proven = { method: endpoint.method, url: target, ...(token !== undefined && { token }) };
    return prover.prove(proven, attempt);
  };
}

/** Awaits a step of the network; whatever goes wrong there comes out as one of our errors. */
type Reach = <T>(step: Promise<T>) => Promise<T>;

function lost(cause: unknown, closing: AbortSignal, signal: AbortSignal | undefined): unknown {
  if (closing.aborted) return new ClientError('client.closed', 'the client was closed');
  if (signal?.aborted) return signal.reason;
  if (cause instanceof ClientError || cause instanceof ConnectionError) return cause;
  const code = networkCodeOf(cause);
  const why = code === undefined ? '' : `: ${code}`;
  return new ConnectionError(`the platform did not answer${why}`, { cause });
}

/** Why, in the system's words, such as `ECONNREFUSED` or `SELF_SIGNED_CERT_IN_CHAIN`; browsers do not say. */
function networkCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return networkCodeOf(error.cause);
}

interface Given {
  readonly params?: Record<string, unknown>;
  readonly query?: Record<string, unknown>;
  readonly headers?: Record<string, unknown>;
  readonly body?: unknown;
}

function pathOf(endpoint: EndpointSpec, params: Record<string, unknown>): string {
  return endpoint.path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(textOf(params[name])),
  );
}

/** As the contract writes it in an address. */
function textOf(value: unknown): string {
  return value instanceof Uint8Array ? encodeBase64url(value) : String(value);
}

interface PlainRequest extends RequestInit {
  readonly headers: Record<string, string>;
}

function requestOf(endpoint: EndpointSpec, { headers: given, body }: Given): PlainRequest {
  const headers = encodeHeaders(endpoint.headers, given);
  if (endpoint.body === undefined) return { method: endpoint.method, headers };
  if (isByteStream(endpoint.body)) {
    headers['content-type'] = endpoint.body.stream;
    return { method: endpoint.method, headers, body: body as Uint8Array<ArrayBuffer> };
  }
  headers['content-type'] = 'application/json';
  return { method: endpoint.method, headers, body: encodeJson(endpoint.body, body) };
}

function authorizationOf(token: string | undefined, proof: string | undefined) {
  const scheme = proof === undefined ? 'Bearer' : 'DPoP';
  return {
    ...(token !== undefined && { authorization: `${scheme} ${token}` }),
    ...(proof !== undefined && { dpop: proof }),
  };
}

function encodeHeaders(
  schema: z.core.$ZodType | undefined,
  headers: unknown,
): Record<string, string> {
  if (schema === undefined) return {};
  const encoded = encode(schema, headers) as Record<string, string | undefined>;
  const present = Object.entries(encoded).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present) as Record<string, string>;
}

function encodeJson(schema: z.core.$ZodType, body: unknown): string {
  return JSON.stringify(encode(schema, body));
}

/** The same refusal that the platform would give, without the way to it. */
function encode(schema: z.core.$ZodType, value: unknown): unknown {
  const encoded = z.safeEncode(schema, value);
  if (encoded.success) return encoded.data;
  const fields = encoded.error.issues.map((issue) => issue.path.join('.'));
  throw new ApiError('request.invalid', { fields });
}

async function readAnswer<E extends EndpointSpec>(
  endpoint: E,
  { response, status, reach }: { response: Response; status: number; reach: Reach },
): Promise<Answer<E>> {
  if (response.status !== status) {
    throw failureOf(response, await readText(response, reach));
  }
  if (endpoint.responseHeaders !== undefined) {
    await readText(response, reach);
    return parseAnswer(endpoint.responseHeaders, Object.fromEntries(response.headers)) as Answer<E>;
  }
  if (endpoint.response === undefined) {
    await readText(response, reach);
    return undefined as Answer<E>;
  }
  if (isByteStream(endpoint.response)) {
    if (response.body === null) throw new ClientError('answer.invalid', 'the answer has no body');
    return response.body as Answer<E>;
  }
  return parseAnswer(endpoint.response, parseJson(await readText(response, reach))) as Answer<E>;
}

function parseAnswer<Schema extends z.core.$ZodType>(
  schema: Schema,
  answer: unknown,
): z.output<Schema> {
  const parsed = z.safeDecode(schema, answer as z.input<Schema>);
  if (parsed.success) return parsed.data;
  throw new ClientError('answer.invalid', 'the answer breaks the contract', {
    cause: parsed.error,
  });
}

/** The text of an answer. Throws `answer.invalid` for a longer one than the contract has. */
async function readText({ body }: Response, reach: Reach): Promise<string> {
  if (body === null) return '';
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (let size = 0; ; ) {
    const { done, value } = await reach(reader.read());
    if (done) return text + decoder.decode();
    size += value.length;
    if (size > ANSWER_BYTES_MAX) {
      await reach(reader.cancel());
      throw new ClientError('answer.invalid', 'the answer is too long');
    }
    text += decoder.decode(value, { stream: true });
  }
}

function failureOf({ status, headers }: Response, body: string): Error {
  const problem = fromProblem(parseJson(body)) ?? fromProblemHeaders(headers);
  if (problem !== undefined) return problem;
  // A proxy speaks for a platform that is away; anything else is no platform of ours.
  const message = `answered ${status} without a problem of the contract`;
  return status >= 500 ? new ConnectionError(message) : new ClientError('answer.invalid', message);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Not JSON is not of the contract either; the caller says so.
  }
}
