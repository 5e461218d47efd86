import { CLOSE_CODES } from '@sotto/api';
import { expect, it } from 'vitest';
import { once, open, remoteGateway } from './tunnel.fixture.ts';
import { until } from './upstream.fixture.ts';

const LOOK_MS = 50;
/** More looks than a silence may last. */
const LONG_MS = 20 * LOOK_MS;

it('sends clients away whose service has fallen silent, and leaves the others where they are', async () => {
  const { gateway, server } = await remoteGateway({}, { tunnelLookMs: LOOK_MS });
  const [left, kept] = [open(gateway.port), open(gateway.port)];
  await Promise.all([once(left, 'open'), once(kept, 'open')]);
  const [frozen, alive] = server.clients;
  const talking = setInterval(() => alive?.ping(), LOOK_MS);
  // As a process that was stopped: it reads nothing, and does not answer what it is asked.
  frozen?.pause();
  const asking = setInterval(() => left.readyState === left.OPEN && left.ping(), LOOK_MS);
  try {
    expect(await once(left, 'close')).toBe(CLOSE_CODES.draining);
    // It finds the end of its connection, for whose goodbye nobody waited.
    frozen?.resume();
    await until(() => server.clients.size === 1);
    await new Promise((resolve) => setTimeout(resolve, LONG_MS));
    expect(kept.readyState).toBe(kept.OPEN);
    const numbers = await gateway.numbers(new Request('http://gateway/metrics'));
    expect(await numbers.text()).toContain('sotto_tunnels_silent_total{service="gateway"} 1');
  } finally {
    clearInterval(talking);
    clearInterval(asking);
    kept.terminate();
  }
}, 20_000);

it('does not take a client that reads nothing for a service that says nothing', async () => {
  const { gateway, server } = await remoteGateway({}, { tunnelLookMs: LOOK_MS });
  const slow = open(gateway.port);
  await once(slow, 'open');
  slow.pause();
  const [client] = server.clients;
  const chunk = Buffer.alloc(1024 * 1024);
  for (let count = 0; count < 64; count += 1) client?.send(chunk);
  // All on the way is full when no more of it leaves, for more looks than a silence may last.
  let before = -1;
  while (before !== client?.bufferedAmount) {
    before = client?.bufferedAmount ?? 0;
    await new Promise((resolve) => setTimeout(resolve, LONG_MS));
  }
  expect(before).toBeGreaterThan(0);
  expect(slow.readyState).toBe(slow.OPEN);
  slow.terminate();
}, 20_000);
