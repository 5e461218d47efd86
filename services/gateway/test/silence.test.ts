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
