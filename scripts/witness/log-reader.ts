/** A platform's key log over its public REST operations. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Answer,
  type ApiError,
  type Body,
  cosignKeyLogHead,
  type EndpointSpec,
  fromProblem,
  getKeyLogHead,
  getKeyLogLeaves,
} from '@sotto/api';
import { z } from 'zod';

const REQUEST_MS = 15_000;

/** A page of leaves is some 140 KB. */
const ANSWER_BYTES_MAX = 1024 * 1024;

/** A log that asks us to wait is asked again this often, after a pause that it names, within a bound. */
const ATTEMPTS_MAX = 10;
const PAUSE_MS_MAX = 60_000;

/** The platform does not answer, or answers something that is none of its answers. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

export interface LogReader {
  head(from: number | undefined): Promise<Answer<typeof getKeyLogHead>>;
  /** Undefined when the log says that it has none there. */
  leaves(page: { start: number; count: number }): Promise<Uint8Array[] | undefined>;
  /** The code of a refusal; undefined when the signature was kept. */
  cosign(signed: Body<typeof cosignKeyLogHead>): Promise<ApiError | undefined>;
}

/** Every call rejects with Unreachable when the log does not answer in time. */
export function openLog(url: string, signal: AbortSignal): LogReader {
  const call = (endpoint: EndpointSpec, input: CallInput) =>
    patiently(() => exchange(new URL(endpoint.path, url), endpoint, input), signal);
  return {
    async head(from) {
      const { body, refusal } = await call(getKeyLogHead, { query: { from } });
      if (refusal !== undefined) throw new Unreachable(`the log has no head: ${refusal.code}`);
      return decode(getKeyLogHead.response, body);
    },
    async leaves(page) {
      const { body, refusal } = await call(getKeyLogLeaves, { query: page });
      if (refusal?.code === 'key.log-unknown') return undefined;
      if (refusal !== undefined) throw new Unreachable(`no leaves: ${refusal.code}`);
      return decode(getKeyLogLeaves.response, body).leaves;
    },
    async cosign(signed) {
      const { refusal } = await call(cosignKeyLogHead, {
        body: JSON.stringify(z.encode(cosignKeyLogHead.body, signed)),
      });
      return refusal;
    },
  };
}

interface CallInput {
  query?: Record<string, number | undefined>;
  body?: string;
}

interface Exchange {
  body: unknown;
  refusal: ApiError | undefined;
}

async function patiently(attempt: () => Promise<Exchange>, signal: AbortSignal): Promise<Exchange> {
  for (let count = 1; ; count++) {
    const exchanged = await attempt();
    const { retryAfter } = exchanged.refusal?.options ?? {};
    if (retryAfter === undefined || count === ATTEMPTS_MAX) return exchanged;
    await sleep(Math.min(PAUSE_MS_MAX, retryAfter * 1_000), undefined, { signal });
  }
}

async function exchange(
  target: URL,
  { method }: EndpointSpec,
  { query = {}, body }: CallInput,
): Promise<Exchange> {
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) target.searchParams.set(name, String(value));
  }
  try {
    const response = await fetch(target, {
      method,
      redirect: 'error',
      signal: AbortSignal.timeout(REQUEST_MS),
      ...(body !== undefined && { body, headers: { 'content-type': 'application/json' } }),
    });
    const text = await readText(response);
    const json: unknown = text === '' ? undefined : JSON.parse(text);
    if (response.ok) return { body: json, refusal: undefined };
    const refusal = fromProblem(json);
    if (refusal === undefined) throw new Unreachable(`an answer with status ${response.status}`);
    return { body: undefined, refusal };
  } catch (cause) {
    if (cause instanceof Unreachable) throw cause;
    throw new Unreachable(`${target.origin} cannot be asked: ${reasonOf(cause)}`, { cause });
  }
}

async function readText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.byteLength;
    if (length > ANSWER_BYTES_MAX) throw new Unreachable('an answer without an end');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function decode<S extends z.core.$ZodType>(schema: S, body: unknown): z.output<S> {
  const decoded = z.safeDecode(schema, body as z.input<S>);
  if (!decoded.success) throw new Unreachable('an answer that breaks the contract');
  return decoded.data;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
