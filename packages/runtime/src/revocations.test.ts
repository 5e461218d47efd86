import { SessionId } from '@sotto/api';
import { listRevocations, type SessionRevoked } from '@sotto/api/internal';
import { expect, type TestContext, test, vi } from 'vitest';
import { createApp } from './http.ts';
import { ACCESS_TOKEN_MS } from './limits.ts';
import { createLogger } from './log.ts';
import { createMetrics } from './metrics.ts';
import { mount } from './mount.ts';
import { createRevocations } from './revocations.ts';
import type { Fetch } from './service.ts';
import { testGuards } from './testing.ts';

const SECRET = 'the secret between services, long enough';
const A = SessionId.parse('00000000-0000-4000-8000-00000000000a');
const B = SessionId.parse('00000000-0000-4000-8000-00000000000b');
const log = createLogger({ service: 'test', level: 'silent' });

function setup(onTestFinished: TestContext['onTestFinished']) {
  const state = {
    revoked: [] as SessionRevoked[],
    asked: [] as (string | undefined)[],
    up: true,
    now: Date.parse('2026-11-21T00:00:00Z'),
  };
  const app = createApp({ service: 'auth', log, metrics: createMetrics('auth') });
  const guards = testGuards(SECRET);
  mount(app, guards, listRevocations, async ({ query }) => {
    state.asked.push(query.since);
    return { now: new Date(state.now).toISOString(), revocations: state.revoked };
  });
  const auth: Fetch = (request) => {
    if (!state.up) throw new TypeError('fetch failed');
    return app.fetch(request);
  };
  const revocations = createRevocations({
    auth,
    internalSecret: SECRET,
    clock: () => state.now,
    log,
  });
  onTestFinished(() => revocations.close());
  const revoke = (session: SessionId) => {
    state.revoked.push({ session, at: new Date(state.now).toISOString() });
  };
  return { state, revocations, revoke };
}

test.concurrent('what ended before the start is known after it', async ({ onTestFinished }) => {
  const { state, revocations, revoke } = setup(onTestFinished);
  revoke(A);
  await revocations.start();
  expect(revocations.has(A)).toBe(true);
  expect(revocations.has(B)).toBe(false);
  expect(state.asked).toEqual([undefined]);
});

test.concurrent('what ends later is known within three seconds, and listeners are told once', async ({
  onTestFinished,
}) => {
  const { state, revocations, revoke } = setup(onTestFinished);
  const listener = vi.fn();
  const forgotten = vi.fn();
  revocations.onRevoked(listener);
  revocations.onRevoked(forgotten)();
  await revocations.start();
  revoke(A);
  await vi.waitFor(() => expect(revocations.has(A)).toBe(true), 3_000);
  await vi.waitFor(() => expect(state.asked.length).toBe(3), 3_000);
  expect(listener.mock.calls).toEqual([[A]]);
  expect(forgotten).not.toHaveBeenCalled();
  // Asked with an overlap: a commit may be seen later than its time says.
  expect(state.asked[1]).toBe('2026-11-20T23:59:50.000Z');
});

test.concurrent('an event only shortens the wait', async ({ onTestFinished }) => {
  const { revocations, revoke, state } = setup(onTestFinished);
  const listener = vi.fn();
  revocations.onRevoked(listener);
  await revocations.start();
  revoke(A);
  revocations.add({ session: A, at: new Date(state.now).toISOString() });
  expect(revocations.has(A)).toBe(true);
  await vi.waitFor(() => expect(state.asked.length).toBe(2), 3_000);
  expect(listener).toHaveBeenCalledTimes(1);
});

test.concurrent('until it has been heard once nobody is let in, and it is asked again', async ({
  onTestFinished,
}) => {
  const { state, revocations, revoke } = setup(onTestFinished);
  state.up = false;
  revoke(A);
  await revocations.start();
  const unavailable = expect.objectContaining({ code: 'service.unavailable' });
  expect(() => revocations.has(B)).toThrow(unavailable);
  expect(() => revocations.assertHeard()).toThrow(unavailable);
  state.up = true;
  await vi.waitFor(() => expect(revocations.has(A)).toBe(true), 3_000);
  state.up = false;
  expect(revocations.has(B)).toBe(false);
  revocations.assertHeard();
});

test.concurrent('a revocation is forgotten when its tokens are long dead', async ({
  onTestFinished,
}) => {
  const { state, revocations, revoke } = setup(onTestFinished);
  revoke(A);
  await revocations.start();
  state.revoked = [];
  state.now += 2 * ACCESS_TOKEN_MS + 1;
  await vi.waitFor(() => expect(revocations.has(A)).toBe(false), 3_000);
});
