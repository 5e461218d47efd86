import { ANONYMOUS_BODY_BYTES_MAX, fromProblemHeaders } from '@sotto/api';
import { describe, expect, test, vi } from 'vitest';
import { endless, post, problemOf, SECRET, setup, USER } from './http.fixture.ts';
import { JSON_DEPTH_MAX, JSON_VALUES_MAX } from './limits.ts';

const USER_HEADERS = { authorization: 'Bearer good' };

describe('what is asked for is answered', () => {
  test('parameters, query and body are decoded, the answer is encoded, and nothing beyond the contract leaves', async () => {
    const { app } = setup();
    const response = await app.request('/things/abc?limit=4', post('{"text":"häé","key":"AAEC"}'));
    expect(response.status).toBe(201);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.json()).toEqual({ id: 'abc', limit: 4, text: 'häé', key: 'AQID' });
  });

  test('an endpoint without an answer gives 204 and no body', async () => {
    const { app } = setup();
    const headers = { authorization: `Service ${SECRET}` };
    const response = await app.request('/internal/thing', { method: 'DELETE', headers });
    expect(response.status).toBe(204);
    expect(await response.text()).toBe('');
  });

  test('HEAD has the headers of GET, and closes the stream that nobody will read', async () => {
    const { app, cancelled } = setup();
    const response = await app.request('/stream', { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(response.body).toBeNull();
    expect(cancelled).toHaveBeenCalledTimes(1);
  });

  test('a byte stream passes as it is, also an empty one, and only as one', async () => {
    const { app } = setup();
    const put = (body: BodyInit | null, type: string) =>
      app.request('/stream', { method: 'PUT', body, headers: { 'content-type': type } });
    expect(await (await put(new Uint8Array(70_000), 'application/octet-stream')).json()).toEqual({
      size: 70_000,
    });
    expect(await (await put(null, 'application/octet-stream')).json()).toEqual({ size: 0 });
    expect(await problemOf(await put('{}', 'application/json'))).toMatchObject({
      code: 'request.media-type',
    });
  });
});

describe('HEAD by itself', () => {
  const head = (path: string, unit?: string) =>
    app().request(path, { method: 'HEAD', ...(unit !== undefined && { headers: { unit } }) });
  const app = () => setup().app;

  test('reads headers and answers with headers', async () => {
    const response = await head('/length/abc', 'bytes');
    expect(response.status).toBe(200);
    expect(response.body).toBeNull();
    expect(Object.fromEntries(response.headers)).toMatchObject({
      ...{ length: '3', language: 'en', 'cache-control': 'no-store' },
    });
  });

  test('names the problem in a header, with what every answer says', async () => {
    const response = await head('/length/abc', 'miles');
    expect(response.status).toBe(400);
    expect(response.body).toBeNull();
    expect(response.headers.get('language')).toBe('en');
    expect(fromProblemHeaders(response.headers)).toMatchObject({ code: 'request.invalid' });
    expect(fromProblemHeaders(new Headers({ 'problem-code': 'toString' }))).toBeUndefined();
  });

  test('leaves the other methods of its path alone, and GET is none of them', async () => {
    expect((await app().request('/length/abc', { method: 'PATCH' })).status).toBe(204);
    const response = await app().request('/length/abc');
    expect((await problemOf(response)).code).toBe('route.method-not-allowed');
    expect(response.headers.get('allow')).toBe('HEAD, PATCH');
  });
});

describe('who may call', () => {
  test.each([
    [undefined, 'auth.token-missing'],
    ['Basic good', 'auth.token-missing'],
    ['Bearer', 'auth.token-missing'],
    ['Bearer bad', 'auth.token-invalid'],
    ['Bearer good, Bearer good', 'auth.token-missing'],
    [`Service ${SECRET}`, 'auth.token-missing'],
  ])('a user endpoint answers %j with %s', async (authorization, code) => {
    const { app } = setup();
    const headers = authorization === undefined ? {} : { authorization };
    const response = await app.request('/whoami', { headers });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect((await problemOf(response)).code).toBe(code);
  });

  test('the scheme of a token is read without case', async () => {
    const { app } = setup();
    const response = await app.request('/whoami', { headers: { authorization: 'bearer good' } });
    expect(await response.json()).toEqual({ user: USER });
  });

  test.each([undefined, 'Service', 'Service wrong', 'Bearer good', `Service ${SECRET}x`])(
    'an internal endpoint refuses %j',
    async (authorization) => {
      const { app } = setup();
      const headers = authorization === undefined ? {} : { authorization };
      const response = await app.request('/internal/thing', { method: 'DELETE', headers });
      expect(response.status).toBe(401);
    },
  );
});

describe('a body that cannot be taken is refused', () => {
  test.each([
    ['', 400, 'request.malformed'],
    ['{', 400, 'request.malformed'],
    ['{"text":"\u0000"}', 400, 'request.malformed'],
    [new Uint8Array([0x22, 0xff, 0x22]), 400, 'request.malformed'],
    ['null', 400, 'request.invalid'],
    ['[]', 400, 'request.invalid'],
    ['"text"', 400, 'request.invalid'],
    ['{"text":1}', 400, 'request.invalid'],
    ['{"text":"\\u0000"}', 400, 'request.invalid'],
    ['{"text":"\\ud800"}', 400, 'request.invalid'],
    ['{"any":{"a":["\\u0000"]}}', 400, 'request.invalid'],
    ['{"any":{"\\u0000":1}}', 400, 'request.invalid'],
    ['{"__proto__":{"text":"x"}}', 400, 'request.invalid'],
    ['{"constructor":{"prototype":{}}}', 400, 'request.invalid'],
    ['{"key":"AAE"}', 400, 'request.invalid'],
    [`{"text":"${'x'.repeat(ANONYMOUS_BODY_BYTES_MAX)}"}`, 413, 'request.too-large'],
  ])('the body %.40j is answered with %i %s', async (body, status, code) => {
    const { app } = setup();
    const response = await app.request('/things/abc', post(body));
    expect((await problemOf(response)).code).toBe(code);
    expect(response.status).toBe(status);
  });

  test('escapes of ordinary characters and whole surrogate pairs are no fault', async () => {
    const { app } = setup();
    const body = '{"text":"\\u0041\\ud83d\\ude00 \\\\u0000"}';
    const response = await app.request('/things/abc', post(body));
    expect(await response.json()).toMatchObject({ text: 'A😀 \\u0000' });
  });

  test.each([
    ['[', ''],
    ['{"a":', ''],
    ['[', ']'],
    ['{"a":', '}'],
  ])('a megabyte of %j and %j does no harm', async (opening, closing) => {
    const { app } = setup();
    const body = `${opening.repeat(150_000)}1${closing.repeat(150_000)}`;
    expect((await app.request('/collection', post(`[${body}]`, USER_HEADERS))).status).toBe(400);
  });

  test('a body may be nested, within reason', async () => {
    const { app } = setup();
    const nested = (levels: number) =>
      app.request('/collection', post('['.repeat(levels) + ']'.repeat(levels), USER_HEADERS));
    expect((await nested(JSON_DEPTH_MAX)).status).toBe(200);
    expect(await problemOf(await nested(JSON_DEPTH_MAX + 1))).toMatchObject({
      code: 'request.invalid',
      detail: 'at most 32 levels',
    });
  });

  test('the way to a wrong field is told no longer than it is useful', async () => {
    const { app } = setup();
    const name = 'x'.repeat(64);
    const body = `[${`{"${name}":`.repeat(20)}"\\u0000"${'}'.repeat(20)}]`;
    const problem = await problemOf(await app.request('/collection', post(body, USER_HEADERS)));
    expect(problem.fields).toEqual([`0.${name}.${name}.${name}.x`.padEnd(200, 'x').slice(0, 200)]);
  });

  test('a query name that cannot be stored as a value is not repeated as it is', async () => {
    const { app } = setup();
    const response = await app.request('/things/abc?hunter2%20%3Cb%3E=%00', post('{}'));
    expect(await problemOf(response)).toMatchObject({ code: 'request.invalid', fields: ['?'] });
  });

  test('an operation that says so takes more, but never more values than anyone means', async () => {
    const { app } = setup();
    const collect = async (body: string) => app.request('/collection', post(body, USER_HEADERS));
    const long = await collect(JSON.stringify(['x'.repeat(900_000)]));
    expect(await long.json()).toEqual({ count: 1 });
    expect((await collect(JSON.stringify(['x'.repeat(1_100_000)]))).status).toBe(413);
    const many = await collect(
      JSON.stringify(Array.from({ length: JSON_VALUES_MAX - 1 }, () => 0)),
    );
    expect(await many.json()).toEqual({ count: JSON_VALUES_MAX - 1 });
    for (const value of ['0', '[]', '{}', '""']) {
      const answer = await collect(`[${`${value},`.repeat(JSON_VALUES_MAX)}0]`);
      expect(await problemOf(answer)).toMatchObject({ code: 'request.invalid' });
    }
    const keys = Array.from({ length: JSON_VALUES_MAX }, (_, index) => [String(index), 0]);
    expect((await collect(JSON.stringify([Object.fromEntries(keys)]))).status).toBe(400);
  });

  test.each(['text/plain', 'application/jsonp', 'application/json; charset=latin1', ''])(
    'a body of type %j has the wrong type',
    async (type) => {
      const { app } = setup();
      const response = await app.request('/things/abc', post('{}', { 'content-type': type }));
      expect(response.status).toBe(415);
      expect((await problemOf(response)).code).toBe('request.media-type');
    },
  );

  test('a body that does not say its length is cut off where the limit is', async () => {
    const { app } = setup();
    const cancelled = vi.fn();
    const init = { ...post(null), body: endless(cancelled), duplex: 'half' };
    const response = await app.fetch(new Request('http://host/things/abc', init));
    expect(response.status).toBe(413);
    expect(cancelled).toHaveBeenCalledTimes(1);
  });

  test('an announced length beyond the limit is refused unread', async () => {
    const { app } = setup();
    const headers = { 'content-length': String(ANONYMOUS_BODY_BYTES_MAX + 1) };
    const response = await app.request('/things/abc', post('{}', headers));
    expect(response.status).toBe(413);
  });

  test('wrong fields are named, their values and names that are none are not', async () => {
    const { app } = setup();
    const body = JSON.stringify({
      text: 'hunter2'.repeat(9),
      key: 'hunter2',
      'hunter2 <b>': 1,
      extra: 1,
    });
    const response = await app.request('/things/abc', post(body));
    const text = await response.text();
    expect(text).not.toContain('hunter2');
    expect(JSON.parse(text).fields.sort()).toEqual(['?', 'extra', 'key', 'text']);
  });
});
