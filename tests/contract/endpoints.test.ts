/**
 * Bad input to every operation of the contract: the right 4xx, as a problem with a stable code, never a 5xx.
 *
 * The table is the contract itself, so an operation is covered as soon as it is declared.
 */
import { randomUUID } from 'node:crypto';
import {
  bodyBytesMax,
  type EndpointSpec,
  endpoints,
  FILE_BYTES_MAX,
  fromProblemHeaders,
  isByteStream,
  me as meEndpoint,
  PROBLEMS,
  Problem,
  type ProblemCode,
} from '@sotto/api';
import { internalEndpoints } from '@sotto/api/internal';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { NO_LIMITS, type Standalone, startStandalone } from '../cluster.ts';
import { type JsonObject, sampleBody, sampleHeaders, sampleParams, sampleQuery } from './sample.ts';

const NUL = '\u0000';
const LONE_SURROGATE = '\ud800';

let platform: Standalone;
/** The session that requests are made in. */
let account: { accessToken: string; device?: string };

beforeAll(async () => {
  platform = await startStandalone({ environment: { LOG_LEVEL: 'debug', ...NO_LIMITS } });
  account = await credentials('/api/v1/auth/register');
});

afterAll(() => platform?.close());

async function credentials(path: string, device?: string): Promise<typeof account> {
  const answer = await fetch(platform.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'Contract', password: 'Correct-horse-9', device }),
  });
  expect(answer.ok).toBe(true);
  return answer.json();
}

interface Change {
  path?: string;
  query?: Record<string, string> | string;
  method?: string;
  headers?: Record<string, string>;
  /** As it goes over the wire; left out, a valid sample. */
  body?: string | Uint8Array<ArrayBuffer> | ReadableStream;
}

/** A request that would be valid, but for the change. */
async function send(spec: EndpointSpec, change: Change = {}): Promise<Response> {
  const url = new URL(platform.url + (change.path ?? fillPath(spec.path, sampleParams(spec))));
  const { query = sampleQuery(spec), method = spec.method } = change;
  url.search = typeof query === 'string' ? query : new URLSearchParams(query).toString();
  const body = change.body ?? validBody(spec);
  const declared = { ...sampleHeaders(spec), ...spec.everyAnswer };
  const headers = { ...declared, ...mediaType(spec), ...authorization(spec), ...change.headers };
  return fetch(url, {
    method,
    headers,
    ...(body !== undefined && method !== 'GET' && method !== 'HEAD' && { body }),
    ...(body instanceof ReadableStream && { duplex: 'half' }),
  });
}

function fillPath(path: string, params: Record<string, string>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => params[name] ?? '');
}

function validBody(spec: EndpointSpec): string | undefined {
  if (spec.body === undefined) return undefined;
  return isByteStream(spec.body) ? 'ciphertext' : JSON.stringify(sampleBody(spec));
}

function mediaType({ body }: EndpointSpec): Record<string, string> {
  if (body === undefined) return {};
  return { 'content-type': isByteStream(body) ? body.stream : 'application/json' };
}

function authorization({ access }: EndpointSpec): Record<string, string> {
  return access === 'user' ? { authorization: `Bearer ${account.accessToken}` } : {};
}

async function expectProblem(answer: Response, ...codes: ProblemCode[]): Promise<void> {
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  const code = fromProblemHeaders(answer.headers)?.code ?? 'internal';
  const body = await answer.text();
  // The answer to HEAD has none.
  if (answer.body !== null) {
    expect(Problem.parse(JSON.parse(body))).toMatchObject({ code, status: answer.status });
  }
  expect(answer.status).toBe(PROBLEMS[code].status);
  if (codes.length > 0) expect(codes).toContain(code);
}

/** Whatever the operation makes of it, it is no fault of the platform. */
async function expectNoFault(answer: Response): Promise<void> {
  expect(answer.status).toBeLessThan(500);
  if (answer.status >= 400) await expectProblem(answer);
  else await answer.body?.cancel();
  // A log-out among them.
  const me = await send(meEndpoint);
  if (me.status === 401) account = await credentials('/api/v1/auth/login', account.device);
}

const all = endpoints.map((spec) => ({ name: `${spec.method} ${spec.path}`, spec }));
const ofUsers = all.filter(({ spec }) => spec.access === 'user');
const withJson = all.filter(({ spec }) => spec.body !== undefined && !isByteStream(spec.body));
const withStream = all.filter(({ spec }) => spec.body !== undefined && isByteStream(spec.body));
const withParams = all.filter(({ spec }) => spec.params !== undefined);

describe.each(ofUsers)('$name without the right to call it', ({ spec }) => {
  test('no token', async () => {
    const answer = await send(spec, { headers: { authorization: '' } });
    await expectProblem(answer, 'auth.token-missing');
  });

  test.each([
    ['no JWT', () => 'nonsense'],
    ['a JWT that nobody signed', () => unsigned(account.accessToken)],
    ['a JWT whose claims were changed', () => tampered(account.accessToken)],
  ])('a token that is %s', async (_, make) => {
    const answer = await send(spec, { headers: { authorization: `Bearer ${make()}` } });
    await expectProblem(answer, 'auth.token-invalid');
  });

  test("a service's credential that was guessed", async () => {
    const answer = await send(spec, { headers: { authorization: 'Service guessed' } });
    await expectProblem(answer, 'auth.token-missing', 'auth.token-invalid');
  });
});

function unsigned(jwt: string): string {
  const [, payload] = jwt.split('.');
  return `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${payload}.`;
}

function tampered(jwt: string): string {
  const [head, payload = '', signature] = jwt.split('.');
  const claims: JsonObject = JSON.parse(Buffer.from(payload, 'base64url').toString());
  const other = Buffer.from(JSON.stringify({ ...claims, sub: randomUUID() })).toString('base64url');
  return `${head}.${other}.${signature}`;
}

describe.each(all)('$name at its edges', ({ spec }) => {
  test('a path that is not there', async () => {
    const path = `${fillPath(spec.path, sampleParams(spec))}/nothing/at/all`;
    await expectProblem(await send(spec, { path }), 'route.not-found');
  });

  test('a method that the path does not take', async () => {
    const method = unusedMethod(spec.path);
    const answer = await send(spec, { method, headers: { authorization: '' } });
    await expectProblem(answer, 'route.method-not-allowed');
    expect(answer.headers.get('allow')?.split(', ')).toContain(spec.method);
  });

  test('a query key that it does not know', async () => {
    const answer = await send(spec, { query: { ...sampleQuery(spec), surprise: '1' } });
    await expectProblem(answer, 'request.invalid');
  });

  test.each([
    'a=1&a=2',
    '%',
    '%00',
    'limit=%00',
    '__proto__=1',
    'constructor[prototype]=1',
    `x=${'y'.repeat(5_000)}`,
  ])('a query like %s', async (query) => {
    await expectProblem(await send(spec, { query }), 'request.invalid');
  });

  test('headers that make no sense', async () => {
    const headers = { range: 'bytes=9-1', 'if-none-match': '\\', 'x-request-id': '%n'.repeat(200) };
    await expectNoFault(await send(spec, { headers }));
  });
});

/** A method that no operation with a path of this shape takes. */
function unusedMethod(path: string): string {
  const shape = new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`);
  const takes = endpoints.filter((other) => {
    const pattern = new RegExp(`^${other.path.replace(/\{\w+\}/g, '[^/]+')}$`);
    return shape.test(other.path) || pattern.test(path);
  });
  const method = ['PATCH', 'PUT', 'DELETE', 'POST'].find((one) =>
    takes.every((other) => other.method !== one),
  );
  if (method === undefined) throw new Error(`${path} takes every method`);
  return method;
}

describe.each(withParams)('$name with a path parameter that is none', ({ spec }) => {
  test.each([
    'not-a-uuid',
    '%00',
    '%ff',
    '..%2f..%2fetc',
    '%27%20or%201=1--',
    'A0000000-0000-4000-8000-000000000000',
    '__proto__',
    'x'.repeat(4_000),
  ])('%s', async (value) => {
    const params = Object.fromEntries(Object.keys(sampleParams(spec)).map((name) => [name, value]));
    const answer = await send(spec, { path: fillPath(spec.path, params) });
    // What another route of this shape takes is that route's to refuse.
    await expectProblem(answer, 'request.invalid', 'route.not-found');
  });

  test('one of nothing that exists', async () => {
    await expectNoFault(await send(spec));
  });
});

describe.each(withJson)('$name with a body that is wrong', ({ spec }) => {
  const valid = sampleBody(spec) as JsonObject;
  const isValid = (body: unknown) =>
    spec.body === undefined || isByteStream(spec.body) || z.safeParse(spec.body, body).success;

  test('the sample is what the contract takes', () => {
    expect(isValid(valid)).toBe(true);
  });

  test.each(['', '{', '{"a":1,}', 'nonsense', '{"a":1} {"a":2}', '\ufeff{}', '{"a":NaN}'])(
    'malformed: %j',
    async (body) => {
      await expectProblem(await send(spec, { body }), 'request.malformed', 'request.invalid');
    },
  );

  test('malformed: no UTF-8', async () => {
    await expectProblem(
      await send(spec, { body: new Uint8Array([0x22, 0xff, 0xfe, 0x22]) }),
      'request.malformed',
    );
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', ''])(
    'media type %j',
    async (contentType) => {
      const answer = await send(spec, { headers: { 'content-type': contentType } });
      await expectProblem(answer, 'request.media-type');
    },
  );

  test.each(['null', 'true', '7', '"text"', '[]', '[{}]', '{}'])(
    'of another shape: %s',
    async (body) => {
      await expectProblem(await send(spec, { body }), 'request.invalid');
    },
  );

  test.each(['surprise', '__proto__', 'constructor', 'prototype', 'toString', ''])(
    'with the unknown field %j',
    async (name) => {
      // Written by hand: an object literal would take __proto__ for its prototype.
      const body = `{${JSON.stringify(name)}:{"x":1},${JSON.stringify(valid).slice(1)}`;
      await expectProblem(await send(spec, { body }), 'request.invalid');
    },
  );

  const fields = Object.keys(valid);

  test.each(fields)('without the field %s', async (name) => {
    const { [name]: _, ...rest } = valid;
    await expectProblem(await send(spec, { body: JSON.stringify(rest) }), 'request.invalid');
  });

  test.each(fields)('with the field %s of the wrong type', async (name) => {
    for (const wrong of [null, {}, [[]], true, 1e308, -1, 0.5]) {
      const changed = { ...valid, [name]: wrong };
      // Of a type that the field has as well, such as the null that ends something.
      if (isValid(changed)) continue;
      const body = JSON.stringify(changed);
      await expectProblem(await send(spec, { body }), 'request.invalid');
    }
  });

  test.each(fields)('with text in the field %s that no database stores', async (name) => {
    for (const text of [NUL, `a${NUL}b`, LONE_SURROGATE]) {
      const body = JSON.stringify({ ...valid, [name]: text });
      await expectProblem(await send(spec, { body }), 'request.invalid');
    }
  });

  test('nested deeper than anyone means', async () => {
    const levels = Math.floor(bodyBytesMax(spec) / 4);
    const deep = '['.repeat(levels) + ']'.repeat(levels);
    const body = `{"surprise":${deep},${JSON.stringify(valid).slice(1)}`;
    await expectProblem(await send(spec, { body }), 'request.malformed', 'request.invalid');
  });

  test('larger than the limit', async () => {
    const body = JSON.stringify({ ...valid, surprise: 'x'.repeat(bodyBytesMax(spec)) });
    await expectProblem(await send(spec, { body }), 'request.too-large');
  });

  test('larger than the limit, without saying so beforehand', async () => {
    const body = bytes(bodyBytesMax(spec) + 1, 0x20);
    await expectProblem(await send(spec, { body }), 'request.too-large');
  });
});

describe.each(withStream)('$name with a stream that is wrong', ({ spec }) => {
  test('of another media type', async () => {
    const answer = await send(spec, { headers: { 'content-type': 'application/json' } });
    await expectProblem(answer, 'request.media-type');
  });

  test('larger than the limit', async () => {
    await expectProblem(
      await send(spec, { body: bytes(FILE_BYTES_MAX + 1, 0) }),
      'request.too-large',
      'file.quota',
      // Of an upload that was never begun.
      'file.not-found',
    );
  });
});

/** A stream of equal bytes, whose length nobody is told. */
function bytes(length: number, value: number): ReadableStream<Uint8Array> {
  let left = length;
  return new ReadableStream({
    pull(controller) {
      const size = Math.min(left, 64 * 1024);
      left -= size;
      if (size > 0) controller.enqueue(new Uint8Array(size).fill(value));
      else controller.close();
    },
  });
}

describe('routes between services', () => {
  test.each(internalEndpoints.map((spec) => [spec.path, spec] as const))(
    '%s is not there for the outside',
    async (_, spec) => {
      for (const authorization of ['', `Bearer ${account.accessToken}`, 'Service guessed']) {
        await expectProblem(await send(spec, { headers: { authorization } }), 'route.not-found');
      }
    },
  );
});

test('after all this the platform is well, and its log tells of no fault', async () => {
  expect((await fetch(`${platform.url}/health/ready`)).status).toBe(200);
  expect(platform.output()).not.toContain('"level":"error"');
});
