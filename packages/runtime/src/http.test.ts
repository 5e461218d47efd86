import { describe, expect, test, vi } from 'vitest';
import { post, problemOf, setup } from './http.fixture.ts';

describe('what cannot be served is refused with a stable code', () => {
  test.each([
    ['/', 404, 'route.not-found', null],
    ['/things', 404, 'route.not-found', null],
    ['/things/', 404, 'route.not-found', null],
    ['/things/a/b', 404, 'route.not-found', null],
    ['//things/a', 404, 'route.not-found', null],
    ['/things/abc', 405, 'route.method-not-allowed', 'POST'],
    ['/internal/thing', 405, 'route.method-not-allowed', 'DELETE'],
  ])('GET %s is %i', async (path, status, code, allow) => {
    const { app } = setup();
    const response = await app.fetch(new Request(`http://host${path}`));
    expect(response.status).toBe(status);
    expect(response.headers.get('allow')).toBe(allow);
    expect((await problemOf(response)).code).toBe(code);
  });

  test.each(['OPTIONS', 'PATCH', 'POST'])(
    '%s on a path that takes GET and PUT tells both',
    async (method) => {
      const { app } = setup();
      const response = await app.request('/stream', { method });
      expect(response.status).toBe(405);
      expect(response.headers.get('allow')).toBe('GET, HEAD, PUT');
    },
  );

  test.each([
    '/things/%',
    '/things/%ff',
    '/things/%zz%00',
    '/things/a%00b',
    '/things/a%2fb',
    '/things/..%2f..',
    '/things/abc?limit=6',
    '/things/abc?limit=x',
    '/things/abc?limit=1&limit=2',
    '/things/abc?unknown=1',
    '/things/abc?__proto__=1',
    '/things/abc?limit=%00',
    '/things/abc?limit=%ff',
  ])('the path %s is invalid', async (path) => {
    const { app } = setup();
    const response = await app.fetch(new Request(`http://host${path}`, post('{}')));
    expect(response.status).toBe(400);
    expect((await problemOf(response)).code).toBe('request.invalid');
  });

  test('an endpoint without a query takes none', async () => {
    const { app } = setup();
    const headers = { authorization: 'Bearer good' };
    const response = await app.request('/whoami?x=1', { headers });
    expect(await problemOf(response)).toMatchObject({ code: 'request.invalid', fields: ['x'] });
  });
});

describe('what breaks inside', () => {
  test.each(['answer', 'unexpected'])(
    '%s is told as internal, logged once, and nothing leaks',
    async (how) => {
      const { app, lines } = setup();
      const response = await app.request(`/broken?how=${how}`);
      expect(response.status).toBe(500);
      const text = await response.text();
      expect(text).not.toMatch(/hunter2|db\.internal|number|http\.test/);
      expect(JSON.parse(text).code).toBe('internal');
      const logged = lines.filter(({ level }) => level === 'error');
      expect(logged).toHaveLength(1);
      expect(logged[0]).toMatchObject({
        code: 'internal',
        route: '/broken',
        requestId: response.headers.get('x-request-id'),
      });
    },
  );

  test('a schema that a handler applies to the request speaks of the request', async () => {
    const { app } = setup();
    const problem = await problemOf(await app.request('/broken?how=schema'));
    expect(problem).toMatchObject({ code: 'request.invalid', fields: ['deep'] });
  });

  test('a dependency out of reach is unavailable, not internal', async () => {
    const { app } = setup();
    const response = await app.request('/broken?how=lost');
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
  });

  test('when to try again is a header and a field', async () => {
    const { app } = setup();
    const response = await app.request('/broken?how=later');
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('7');
    expect((await problemOf(response)).retryAfter).toBe(7);
  });
});

describe('the service about itself', () => {
  test.each(['abc-123_4.5', 'x'.repeat(64)])('the request id %s is kept', async (id) => {
    const { app } = setup();
    const response = await app.request('/health/live', { headers: { 'x-request-id': id } });
    expect(response.headers.get('x-request-id')).toBe(id);
  });

  test.each(['', 'a b', 'x'.repeat(65), 'a"b', '<script>'])(
    'the request id %j is replaced',
    async (id) => {
      const { app } = setup();
      const response = await app.request('/nothing', { headers: { 'x-request-id': id } });
      expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    },
  );

  test('an answer whose headers cannot be changed gets its request id too', async () => {
    const { app } = setup();
    app.get('/old', () => Response.redirect('http://host/new', 308));
    const response = await app.request('/old', { headers: { 'x-request-id': 'mine' } });
    expect(response.status).toBe(308);
    expect(response.headers.get('location')).toBe('http://host/new');
    expect(response.headers.get('x-request-id')).toBe('mine');
  });

  test('the access log has the pattern of the route and never the path', async () => {
    const { app, lines } = setup();
    await app.request('/things/hunter?limit=2', post('{}'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      event: 'request',
      method: 'POST',
      route: '/things/{id}',
      status: 201,
    });
    expect(JSON.stringify(lines)).not.toContain('hunter');
  });

  test('it is ready when its check passes, and says 503 when it fails or hangs', async () => {
    let check = async (): Promise<void> => undefined;
    const { app } = setup({ ready: () => check() });
    expect((await app.request('/health/ready')).status).toBe(200);
    check = async () => {
      throw new Error('no database');
    };
    const response = await app.request('/health/ready');
    expect(response.status).toBe(503);
    expect((await problemOf(response)).code).toBe('service.unavailable');
    check = () => new Promise(() => undefined);
    expect((await app.request('/health/ready')).status).toBe(503);
    expect((await app.request('/health/live')).status).toBe(200);
  });

  test('probes that come together make one check', async () => {
    const ready = vi.fn(async () => undefined);
    const { app } = setup({ ready });
    await Promise.all(Array.from({ length: 20 }, () => app.request('/health/ready')));
    expect(ready).toHaveBeenCalledTimes(1);
  });

  test('metrics count requests by route, and are hidden behind a token when one is set', async () => {
    const { app } = setup({ metricsToken: 'the token' });
    await app.request('/things/hunter', post('{}'));
    await app.fetch(new Request('http://host/hunter', { method: 'hunter2' }));
    expect((await app.request('/metrics')).status).toBe(404);
    const headers = { authorization: 'Bearer the token' };
    const text = await (await app.request('/metrics', { headers })).text();
    expect(text).toContain('route="/things/{id}",status="201"');
    expect(text).not.toContain('hunter');
  });
});
