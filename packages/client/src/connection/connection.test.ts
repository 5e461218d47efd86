import { getEventListeners } from 'node:events';
import { ApiError, CLOSE_CODES } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Client, createClient } from '../client.ts';
import type { ClientEvents } from '../events.ts';
import { DRAIN_JITTER_MS } from '../limits.ts';
import { type Platform, startPlatform } from '../platform/platform.fixture.ts';
import { openMemoryStore } from '../store/store-memory.ts';

let platform: Platform;
let client: Client;
let downs: ClientEvents['disconnected'][];
let connections: number;
let network: EventTarget;

beforeEach(async () => {
  platform = await startPlatform();
  const store = openMemoryStore();
  network = new EventTarget();
  client = createClient({ url: platform.url, store, provider: nodeProvider, network });
  downs = [];
  connections = 0;
  client.on('disconnected', (event) => downs.push(event));
  client.on('connected', () => {
    connections += 1;
  });
  await client.register({ username: 'alice', password: 'Secret!23' });
  await client.connect();
});
afterEach(async () => {
  await client.close();
  await platform.close();
});

test.each([
  ['badFrame', 'connection.refused'],
  ['replaced', 'connection.replaced'],
] as const)(
  '%s ends the connection until the application wants another one',
  async (name, code) => {
    const tickets = ticketsTaken();
    endAll(CLOSE_CODES[name]);
    await vi.waitFor(() => expect(downs).toHaveLength(1), 20_000);
    expect(downs[0]).not.toHaveProperty('retryMs');
    expect(downs[0]).toMatchObject({ error: { code } });
    expect(ticketsTaken()).toBe(tickets);
    await client.connect();
    expect(connections).toBe(2);
  },
);

test('what a connection has begun by itself ends with it, and troubles nobody', async () => {
  const trouble = vi.fn();
  client.on('trouble', trouble);
  const calls = platform.calls.length;
  for (const { socket } of platform.devices) {
    socket?.send(JSON.stringify({ type: 'prekeys-low', available: 1 }));
  }
  await vi.waitFor(() => expect(platform.calls.length).toBeGreaterThan(calls), 10_000);
  await client.close();
  await platform.close(); // By then whatever still ran has failed.
  expect(trouble).not.toHaveBeenCalled();
});

test('a node that goes down is left for another one at once', async () => {
  endAll(CLOSE_CODES.draining);
  await vi.waitFor(() => expect(connections).toBe(2), DRAIN_JITTER_MS * 3);
  expect(downs[0]?.retryMs).toBeLessThanOrEqual(DRAIN_JITTER_MS);
});

test.each(['openSocketTicket', 'countPrekeys'])(
  'a limit on %s holds a connection up for as long as it asks, and says until when',
  async (limited) => {
    let refusals = 1;
    platform.failCall = (operation) =>
      operation === limited && refusals-- > 0
        ? new ApiError('rate.limited', { retryAfter: 3 })
        : undefined;
    const startedAt = performance.now();
    platform.cutAll();
    await vi.waitFor(() => expect(downs).toHaveLength(2), 10_000);
    expect(downs[1]).toMatchObject({ error: { code: 'rate.limited' } });
    expect(downs[1]?.retryMs).toBeGreaterThanOrEqual(3_000);
    await vi.waitFor(() => expect(connections).toBe(2), { timeout: 10_000 });
    expect(performance.now() - startedAt).toBeGreaterThan(3_000);
  },
);

test('what a limit has kept from being looked after is looked after by the connection that follows', async () => {
  const checks = vi.fn(() => (checks.mock.calls.length === 1 ? 'limited' : 'looked after'));
  platform.failCall = (operation) =>
    operation === 'checkKeys' && checks() === 'limited'
      ? new ApiError('rate.limited', { retryAfter: 3 })
      : undefined;
  platform.cutAll();
  await vi.waitFor(() => expect(connections).toBe(2), 10_000);
  await vi.waitFor(() => expect(checks).toHaveBeenCalledTimes(2), 10_000);
});

test('a limit that a connection waits for in the background holds up no other', async () => {
  let isLimited = true;
  platform.failCall = (operation) =>
    operation === 'countPrekeys' && isLimited
      ? new ApiError('rate.limited', { retryAfter: 30 })
      : undefined;
  const trouble = vi.fn();
  client.on('trouble', trouble);
  for (const { socket } of platform.devices) {
    socket?.send(JSON.stringify({ type: 'prekeys-low', available: 1 }));
  }
  await vi.waitFor(() => expect(trouble).toHaveBeenCalled(), 10_000);
  isLimited = false;
  platform.cutAll();
  await vi.waitFor(() => expect(connections).toBe(2), 10_000);
});

test.each([
  [7_200, [3_600_000, 3_600_000]],
  [-7_200, [200, 2_000]],
])(
  'a platform that asks to wait %i s is heeded for an hour at most, and not in a spin',
  async (retryAfter, [least, most]) => {
    platform.failCall = (operation) =>
      operation === 'openSocketTicket' ? new ApiError('rate.limited', { retryAfter }) : undefined;
    platform.cutAll();
    await vi.waitFor(
      () => expect(downs[1]).toMatchObject({ error: { code: 'rate.limited' } }),
      10_000,
    );
    expect(downs[1]?.retryMs).toBeGreaterThanOrEqual(least ?? 0);
    expect(downs[1]?.retryMs).toBeLessThanOrEqual(most ?? 0);
  },
);

test('closing does not wait for a limit to pass', async () => {
  platform.failCall = (operation) =>
    operation === 'openSocketTicket' ? new ApiError('rate.limited', { retryAfter: 30 }) : undefined;
  platform.cutAll();
  await vi.waitFor(() => expect(downs.at(-1)?.retryMs).toBeGreaterThanOrEqual(30_000), 10_000);
  const startedAt = performance.now();
  await client.logout();
  expect(performance.now() - startedAt).toBeLessThan(15_000);
});

test('a session that has ended is opened anew by the device key, once for all calls', async () => {
  const loggedOut = vi.fn();
  client.on('logged-out', loggedOut);
  let ended = true;
  platform.failCall = (operation) => {
    if (operation === 'loginByDevice') ended = false;
    if (operation === 'refresh') return new ApiError('auth.refresh-invalid');
    return operation === 'searchUsers' && ended ? new ApiError('auth.token-invalid') : undefined;
  };
  const found = await Promise.all(['a', 'b', 'c'].map(() => client.findUser('alice')));
  expect(found.every((user) => user?.username === 'alice')).toBe(true);
  expect(platform.calls.filter((call) => call === 'loginByDevice')).toHaveLength(1);
  expect(loggedOut).not.toHaveBeenCalled();
});

test.each([
  ['the network is there again', () => void network.dispatchEvent(new Event('online'))],
  ['somebody asks for it', () => client.connect()],
])('a lost connection is tried again at once when %s', async (_, hurry) => {
  let isAway = true;
  platform.failCall = (operation) =>
    operation === 'openSocketTicket' && isAway ? 'cut' : undefined;
  platform.cutAll();
  await vi.waitFor(() => expect(downs.at(-1)?.retryMs).toBeGreaterThanOrEqual(2_000), 20_000);
  isAway = false;
  const startedAt = performance.now();
  await hurry();
  await vi.waitFor(() => expect(connections).toBe(2), 20_000);
  expect(performance.now() - startedAt).toBeLessThan(1_500);
});

test('a client that was closed hears no more of the network', async () => {
  expect(getEventListeners(network, 'online')).toHaveLength(1);
  await client.close();
  expect(getEventListeners(network, 'online')).toHaveLength(0);
});

function endAll(code: number): void {
  for (const { socket } of platform.devices) socket?.close(code);
}

function ticketsTaken(): number {
  return platform.calls.filter((call) => call === 'openSocketTicket').length;
}
