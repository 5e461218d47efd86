import { expect, test } from 'vitest';
import { gatewayTo, startUpstream } from './upstream.fixture.ts';

const SILENCE_MS = 1_000;

test('a service that says nothing is answered for, and one that waits for its caller is not', async () => {
  const upstream = await startUpstream((request, response) => {
    if (request.url === '/api/v1/auth/me') return;
    request.resume().once('end', () => response.end('heard'));
  });
  const gateway = await gatewayTo(upstream.url, {}, { silenceMs: SILENCE_MS });
  try {
    let isOver = false;
    const slowly = new ReadableStream<Uint8Array>({
      async pull(controller) {
        controller.enqueue(Buffer.from('first'));
        await new Promise((resolve) => setTimeout(resolve, 3 * SILENCE_MS));
        isOver = true;
        controller.close();
      },
    });
    const half = { duplex: 'half' };
    const upload = fetch(`${gateway.url}/api/v1/files/upload`, {
      method: 'POST',
      body: slowly,
      ...half,
    });
    const silent = await fetch(`${gateway.url}/api/v1/auth/me`);
    expect(isOver).toBe(false);
    expect(silent.status).toBe(503);
    expect(silent.headers.get('retry-after')).toBe('1');
    expect(await silent.json()).toMatchObject({ code: 'service.unavailable' });
    expect(await (await upload).text()).toBe('heard');
  } finally {
    await gateway.close();
    await upstream.close();
  }
}, 30_000);

test('a service is given its time also on a connection that was idle', async () => {
  const upstream = await startUpstream((request, response) => {
    if (request.method === 'GET') response.end('quick');
    else request.resume().once('end', () => setTimeout(() => response.end('late'), 1_500));
  });
  // Clients are told to leave a connection alone that was idle for a second.
  upstream.server.keepAliveTimeout = 2_000;
  const gateway = await gatewayTo(upstream.url);
  try {
    await (await fetch(`${gateway.url}/api/v1/auth/me`)).text();
    const late = await fetch(`${gateway.url}/api/v1/auth/refresh`, { method: 'POST' });
    expect(await late.text()).toBe('late');
  } finally {
    await gateway.close();
    await upstream.close();
  }
}, 30_000);

test('a service that says nothing once its slow caller has ended is answered for', async () => {
  const upstream = await startUpstream((request) => request.resume());
  const gateway = await gatewayTo(upstream.url, {}, { silenceMs: SILENCE_MS });
  try {
    const slowly = new ReadableStream<Uint8Array>({
      async pull(controller) {
        controller.enqueue(Buffer.from('first'));
        await new Promise((resolve) => setTimeout(resolve, 1.5 * SILENCE_MS));
        controller.close();
      },
    });
    const half = { duplex: 'half' };
    const upload = `${gateway.url}/api/v1/files/upload`;
    const answer = await fetch(upload, { method: 'POST', body: slowly, ...half });
    expect(answer.status).toBe(503);
  } finally {
    await gateway.close();
    await upstream.close();
  }
}, 30_000);
