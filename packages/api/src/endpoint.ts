/** One operation of the platform as a value: routes, SDK calls, validation and OpenAPI all derive from it. */
import type { z } from 'zod/mini';
import { ANONYMOUS_BODY_BYTES_MAX, BODY_BYTES_MAX } from './limits.ts';
import type { ProblemCode } from './problem.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';

/** Who may call: anyone, the holder of an access token, or another service of the platform. */
export type Access = 'anyone' | 'user' | 'service';

/** A body that is streamed as it is, not JSON, by its media type. */
export interface ByteStream {
  readonly stream: 'application/octet-stream' | 'application/offset+octet-stream';
}
/** The body of an upload and of a download. */
export const BYTE_STREAM: ByteStream = { stream: 'application/octet-stream' };
/** The body of a piece of a resumable upload (tus 1.0.0). */
export const OFFSET_BYTE_STREAM: ByteStream = { stream: 'application/offset+octet-stream' };

export type JsonSchema = z.core.$ZodType;
export type BodySchema = JsonSchema | ByteStream | undefined;

export interface EndpointSpec {
  /** Unique; the OpenAPI operationId. What it does, in a sentence, is in summaries.ts. */
  readonly id: string;
  readonly service: 'auth' | 'key' | 'message' | 'file';
  readonly method: Method;
  /** Absolute, with `{parameters}`. */
  readonly path: string;
  readonly access: Access;
  readonly params?: z.core.$ZodObject;
  readonly query?: z.core.$ZodObject;
  /** Request headers that it reads, in lower case; all others are not its business. */
  readonly headers?: z.core.$ZodObject;
  readonly body?: BodySchema;
  /**
   * Changes keys, devices or the account: a session that is bound to a device key must sign the request (DPoP,
   * RFC 9449). Where it is left out a proof is optional, and checked all the same when it is there.
   */
  readonly proof?: 'when-bound';
  /**
   * Counts against a limit of its own instead of the one per user that every operation shares.
   */
  readonly limited?: 'by-itself';
  /** What a JSON body may weigh, when that is not what `bodyBytesMax` says for its kind of caller. */
  readonly bodyBytesMax?: number;
  /** Status of success. */
  readonly status: 200 | 201 | 204;
  readonly response?: BodySchema;
  /** Headers that answer in place of a body, in lower case. Not together with `response`. */
  readonly responseHeaders?: z.core.$ZodObject;
  /** Headers of every answer, problems too. */
  readonly everyAnswer?: Readonly<Record<string, string>>;
  /** Problems of this operation beyond those that any may answer with. */
  readonly problems: readonly ProblemCode[];
}

/** Declares an operation; returns it unchanged with its literal types. */
export function endpoint<const E extends EndpointSpec>(spec: E): E {
  return spec;
}

type Decoded<S> = S extends z.core.$ZodType
  ? z.output<S>
  : S extends ByteStream
    ? ReadableStream<Uint8Array>
    : undefined;

/** What a handler gets and a caller gives, in decoded form. */
export type Params<E extends EndpointSpec> = Decoded<E['params']>;
export type Query<E extends EndpointSpec> = Decoded<E['query']>;
export type Headers<E extends EndpointSpec> = Decoded<E['headers']>;
export type Body<E extends EndpointSpec> = Decoded<E['body']>;
/** What a handler returns and a caller gets, in decoded form. */
export type Answer<E extends EndpointSpec> = E['responseHeaders'] extends z.core.$ZodType
  ? z.output<E['responseHeaders']>
  : Decoded<E['response']>;

/** The problems that every operation may answer with, by what it takes. */
export function commonProblems(spec: EndpointSpec): ProblemCode[] {
  const problems: ProblemCode[] = ['request.invalid', 'rate.limited', 'internal'];
  if (spec.body !== undefined)
    problems.push('request.malformed', 'request.too-large', 'request.media-type');
  if (spec.access !== 'anyone')
    problems.push('auth.token-missing', 'auth.token-invalid', 'auth.token-expired');
  if (spec.access === 'user' || spec.proof !== undefined)
    problems.push('auth.proof-missing', 'auth.proof-invalid', 'auth.proof-nonce');
  if (spec.access !== 'service') problems.push('service.unavailable');
  return problems;
}

/** What a JSON body of this operation may weigh, in bytes. */
export function bodyBytesMax(spec: EndpointSpec): number {
  return (
    spec.bodyBytesMax ?? (spec.access === 'anyone' ? ANONYMOUS_BODY_BYTES_MAX : BODY_BYTES_MAX)
  );
}

/** True when the body is streamed rather than parsed. */
export function isByteStream(body: BodySchema): body is ByteStream {
  return body !== undefined && 'stream' in body;
}
