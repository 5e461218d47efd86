import { ApiError, bytesOf, endpoint } from '@sotto/api';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { type AppOptions, createApp } from './http.ts';
import { listen } from './listen.ts';
import { createLogger } from './log.ts';
import { createMetrics } from './metrics.ts';
import { type Handler, mount } from './mount.ts';
import { callPeer, remotePeer } from './peer.ts';
import type { Fetch } from './service.ts';
import { cuttableWire, testGuards } from './testing.ts';

const SECRET = 'the secret between services, long enough';

const ask = endpoint({
  id: 'ask',
  service: 'key',
  method: 'POST',
  path: '/internal/ask/{name}',
  access: 'service',
  params: z.strictObject({ name: z.string() }),
  query: z.strictObject({
    limit: z.coerce.number().int().default(7),
    since: z.string().optional(),
  }),
  body: z.strictObject({ key: bytesOf(3) }),
  status: 200,
  response: z.object({ key: bytesOf(3), name: z.string(), limit: z.int() }),
  problems: [],
});

const input = {
  params: { name: 'a/b ü?' },
  query: { limit: 3 },
  body: { key: Uint8Array.of(1, 2, 3) },
};

function peer(handler: Handler<typeof ask>): Fetch {
  const log = createLogger({ service: 'peer', level: 'silent' });
  const options: AppOptions = { service: 'peer', log, metrics: createMetrics('peer') };
  const app = createApp(options);
  mount(app, testGuards(SECRET), ask, handler);
  return app.fetch;
}

const answering = () =>
  peer(async ({ params, query, body }) => ({ ...params, limit: query.limit, key: body.key }));

async function remote(handler: Fetch): Promise<string> {
  const server = await listen({ fetch: handler }, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close());
  return `http://127.0.0.1:${server.port}`;
}

describe.each([
  ['within the process', async (inner: Fetch): Promise<Fetch> => inner],
  ['over the network', async (inner: Fetch): Promise<Fetch> => remotePeer(await remote(inner))],
])('a call %s', (_, reach) => {
  test('carries params, query and body there and the answer back', async () => {
    const answer = await callPeer(await reach(answering()), ask, input, SECRET);
    expect(answer).toEqual({ name: 'a/b ü?', limit: 3, key: Uint8Array.of(1, 2, 3) });
  });

  test("brings the peer's own error", async () => {
    const refusing = peer(async () => {
      throw new ApiError('key.identity-unknown', { detail: 'none yet', retryAfter: 3 });
    });
    await expect(callPeer(await reach(refusing), ask, input, SECRET)).rejects.toMatchObject({
      code: 'key.identity-unknown',
      message: 'none yet',
      options: { retryAfter: 3 },
    });
  });

  test("that the peer refuses for how it was made is our bug, not our caller's", async () => {
    const wrong = callPeer(await reach(answering()), ask, input, 'wrong');
    await expect(wrong).rejects.toThrow('auth.token-invalid');
    await expect(wrong).rejects.not.toBeInstanceOf(ApiError);
  });

  test('that takes too long is unavailable', async () => {
    const never = peer(() => new Promise(() => undefined));
    const started = performance.now();
    await expect(callPeer(await reach(never), ask, input, SECRET, 200)).rejects.toMatchObject({
      code: 'service.unavailable',
    });
    expect(performance.now() - started).toBeLessThan(1_500);
  });

  test('that is answered by something else is unavailable', async () => {
    const stranger: Fetch = () => new Response('<html>', { status: 502 });
    await expect(callPeer(await reach(stranger), ask, input, SECRET)).rejects.toMatchObject({
      code: 'service.unavailable',
    });
  });
});

test('a peer that is away is unavailable, and is reached again when it is back', async () => {
  const wire = await cuttableWire(await remote(answering()));
  onTestFinished(() => wire.close());
  const fetch = remotePeer(wire.url);
  await callPeer(fetch, ask, input, SECRET);
  wire.cut();
  const unavailable = { code: 'service.unavailable' };
  await expect(callPeer(fetch, ask, input, SECRET)).rejects.toMatchObject(unavailable);
  wire.restore();
  await callPeer(fetch, ask, input, SECRET);
});

test('the secret goes to internal endpoints only', async () => {
  const seen: (string | null)[] = [];
  const open = { ...ask, access: 'anyone' } as const;
  const fetch: Fetch = (request) => {
    seen.push(request.headers.get('authorization'));
    return new Response('{}');
  };
  await callPeer(fetch, open, input, SECRET).catch(() => undefined);
  await callPeer(fetch, ask, input, SECRET).catch(() => undefined);
  expect(seen).toEqual([null, `Service ${SECRET}`]);
});

test('a request passes through a remote peer as it is, and streams both ways', async () => {
  const url = await remote(async (request) => {
    const headers = { 'x-path': new URL(request.url).pathname + new URL(request.url).search };
    return new Response(request.body, { status: 207, headers });
  });
  const body = new Blob(['x'.repeat(300_000)]).stream();
  const init = { method: 'PUT', body, duplex: 'half' };
  const request = new Request('http://elsewhere/a%2Fb?c=d', init);
  const response = await remotePeer(url)(request);
  expect(response.status).toBe(207);
  expect(response.headers.get('x-path')).toBe('/a%2Fb?c=d');
  expect((await response.text()).length).toBe(300_000);
});
