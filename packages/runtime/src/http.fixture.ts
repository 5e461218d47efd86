/** An app with one endpoint of each kind, for the tests of `http.ts` and `mount.ts`. */
import {
  ApiError,
  BYTE_STREAM,
  bytesOf,
  DeviceId,
  endpoint,
  Problem,
  SessionId,
  UserId,
} from '@sotto/api';
import { expect, onTestFinished, vi } from 'vitest';
import { z } from 'zod';
import type { Authenticate } from './authenticate.ts';
import { createMemoryCounters } from './counters-memory.ts';
import { createUserLimit } from './guards.ts';
import { type App, type AppOptions, createApp } from './http.ts';
import { createLogger } from './log.ts';
import { createMetrics } from './metrics.ts';
import { mount } from './mount.ts';
import { createLimiters } from './rate-limit.ts';
import { testGuards } from './testing.ts';

export const SECRET = 'the secret between services, long enough';
export const USER = UserId.parse('00000000-0000-4000-8000-000000000001');

const authenticate: Authenticate = async (token) => {
  if (token === '') throw new ApiError('auth.token-missing');
  if (token !== 'good') throw new ApiError('auth.token-invalid');
  const device = DeviceId.parse('00000000-0000-4000-8000-000000000002');
  const session = SessionId.parse('00000000-0000-4000-8000-000000000003');
  return { user: USER, device, session, expiresAt: 1, authenticatedAt: 0, proven: false };
};

/** Requests of the one user that pass. */
export const USER_LIMIT = 50;

const common = { service: 'auth', problems: [] } as const;

const echo = endpoint({
  ...common,
  id: 'echo',
  method: 'POST',
  path: '/things/{id}',
  access: 'anyone',
  params: z.strictObject({ id: z.string().regex(/^[a-z]+$/) }),
  query: z.strictObject({ limit: z.coerce.number().int().max(5).default(3) }),
  body: z.strictObject({
    text: z.string().max(20).optional(),
    key: z.optional(bytesOf(3)),
    any: z.json().optional(),
  }),
  status: 201,
  response: z.object({
    id: z.string(),
    limit: z.int(),
    text: z.string().optional(),
    key: z.optional(bytesOf(3)),
  }),
});
const collect = endpoint({
  ...common,
  id: 'collect',
  method: 'POST',
  path: '/collection',
  access: 'user',
  body: z.array(z.json()),
  bodyBytesMax: 1024 * 1024,
  status: 200,
  response: z.object({ count: z.int() }),
});
const whoami = endpoint({
  ...common,
  id: 'whoami',
  method: 'GET',
  path: '/whoami',
  access: 'user',
  status: 200,
  response: z.object({ user: UserId }),
});
const inner = endpoint({
  ...common,
  id: 'inner',
  method: 'DELETE',
  path: '/internal/thing',
  access: 'service',
  status: 204,
});
const stream = endpoint({
  ...common,
  id: 'stream',
  method: 'GET',
  path: '/stream',
  access: 'anyone',
  status: 200,
  response: BYTE_STREAM,
});
const upload = endpoint({
  ...common,
  id: 'upload',
  method: 'PUT',
  path: '/stream',
  access: 'anyone',
  body: BYTE_STREAM,
  status: 200,
  response: z.object({ size: z.int() }),
});
const measure = endpoint({
  ...common,
  id: 'measure',
  method: 'HEAD',
  path: '/length/{id}',
  access: 'anyone',
  params: z.strictObject({ id: z.string().regex(/^[a-z]+$/) }),
  headers: z.object({ unit: z.enum(['bytes', 'lines']) }),
  status: 200,
  everyAnswer: { language: 'en' },
  responseHeaders: z.object({
    length: z.codec(z.string(), z.int(), { decode: Number, encode: String }),
  }),
});
const shorten = endpoint({
  ...common,
  id: 'shorten',
  method: 'PATCH',
  path: '/length/{id}',
  access: 'anyone',
  params: z.strictObject({ id: z.string() }),
  status: 204,
});
const broken = endpoint({
  ...common,
  id: 'broken',
  method: 'GET',
  path: '/broken',
  access: 'anyone',
  query: z.strictObject({ how: z.string() }),
  status: 200,
  response: z.object({ number: z.int() }),
});

export interface Setup {
  app: App;
  lines: Record<string, unknown>[];
  cancelled: () => void;
}

export function setup(options: Partial<AppOptions> = {}): Setup {
  const lines: Record<string, unknown>[] = [];
  const cancelled = vi.fn();
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const log = createLogger({ service: 'test', level: 'debug', destination });
  const metrics = createMetrics('test');
  const app = createApp({ service: 'test', log, metrics, ...options });
  const counters = createMemoryCounters();
  onTestFinished(() => counters.close());
  const guards = {
    ...testGuards(SECRET, authenticate),
    userLimit: createUserLimit(createLimiters({ counters, metrics }), USER_LIMIT),
  };
  mount(app, guards, echo, async ({ params, query, body }) => ({
    ...params,
    ...query,
    ...(body.text !== undefined && { text: body.text }),
    ...(body.key !== undefined && { key: body.key.map((byte) => byte + 1) }),
    surplus: 'not in the contract',
  }));
  mount(app, guards, collect, async ({ body }) => ({ count: body.length }));
  mount(app, guards, whoami, async (call) => ({ user: call.caller.user }));
  mount(app, guards, inner, async () => {});
  mount(app, guards, stream, async () => endless(cancelled));
  mount(app, guards, upload, async ({ body }) => {
    return { size: (await new Response(body).arrayBuffer()).byteLength };
  });
  mount(app, guards, measure, async ({ params, headers }) => {
    return { length: headers.unit === 'bytes' ? params.id.length : 1 };
  });
  mount(app, guards, shorten, async () => {});
  mount(app, guards, broken, async ({ query }) => breakBy(query.how));
  return { app, lines, cancelled };
}

export function endless(cancel: () => void): ReadableStream<Uint8Array> {
  return new ReadableStream({ pull: (out) => out.enqueue(new Uint8Array(10)), cancel });
}

function breakBy(how: string): { number: number } {
  if (how === 'answer') return { number: 1.5 };
  if (how === 'schema') z.object({ deep: z.literal(1) }).parse({ deep: 'hunter2' });
  if (how === 'lost') throw Object.assign(new Error('x'), { code: 'ECONNREFUSED' });
  if (how === 'later') throw new ApiError('rate.limited', { retryAfter: 7 });
  throw new Error('hunter2 at db.internal', { cause: 'hunter2' });
}

export const post = (body: BodyInit | null, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  body,
  headers: { 'content-type': 'application/json', ...headers },
});

export async function problemOf(response: Response): Promise<Problem> {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(response.headers.get('cache-control')).toBe('no-store');
  const problem = Problem.parse(await response.json());
  expect(problem.status).toBe(response.status);
  expect(problem.instance).toBe(response.headers.get('x-request-id'));
  return problem;
}
