import { type Body, SessionId } from '@sotto/api';
import { noteTokenUses } from '@sotto/api/internal';
import { expect, type TestContext, test, vi } from 'vitest';
import { createApp } from './http.ts';
import { TOKEN_USES_AT_ONCE, TOKEN_USES_MAX } from './limits.ts';
import { createLogger } from './log.ts';
import { createMetrics } from './metrics.ts';
import { mount } from './mount.ts';
import type { Fetch } from './service.ts';
import { testGuards } from './testing.ts';
import { createTokenUses } from './token-uses.ts';

const SECRET = 'the secret between services, long enough';
const A = SessionId.parse('00000000-0000-4000-8000-00000000000a');
const B = SessionId.parse('00000000-0000-4000-8000-00000000000b');
const log = createLogger({ service: 'test', level: 'silent' });

/** An auth service that keeps what it is told, counts how often it is asked, and a clock that the test moves. */
function setup(onTestFinished: TestContext['onTestFinished']) {
  const state = {
    told: [] as Body<typeof noteTokenUses>['uses'][],
    times: [] as number[],
    asked: 0,
    up: true,
    now: 1_000_000,
  };
  const app = createApp({ service: 'auth', log, metrics: createMetrics('auth') });
  mount(app, testGuards(SECRET), noteTokenUses, async ({ body }) => {
    state.told.push(body.uses);
    state.times.push(performance.now());
  });
  const auth: Fetch = (request) => {
    state.asked++;
    if (!state.up) throw new TypeError('fetch failed');
    return app.fetch(request);
  };
  const metrics = createMetrics('test');
  const uses = createTokenUses({
    ...{ auth, metrics, log, internalSecret: SECRET, clock: () => state.now },
  });
  onTestFinished(() => uses.close());
  return { state, uses, metrics };
}

test.concurrent('what is used within a second is told together, once, with how long ago it was', async ({
  onTestFinished,
}) => {
  const { state, uses } = setup(onTestFinished);
  uses.note({ session: A, generation: 1 });
  state.now += 300;
  uses.note({ session: A, generation: 1 });
  uses.note({ session: A, generation: 2 });
  uses.note({ session: B, generation: 1 });
  await vi.waitFor(() => expect(state.told).not.toEqual([]), 20_000);
  expect(state.told).toEqual([
    [
      { session: A, generation: 1, ageMs: 300 },
      { session: A, generation: 2, ageMs: 0 },
      { session: B, generation: 1, ageMs: 0 },
    ],
  ]);
});

test.concurrent('the token of a log-in has no predecessor, and is not told', async ({
  onTestFinished,
}) => {
  const { state, uses } = setup(onTestFinished);
  uses.note({ session: A, generation: 0 });
  uses.note({ session: B, generation: 1 });
  await vi.waitFor(() => expect(state.told).not.toEqual([]), 20_000);
  expect(state.told.flat().map(({ session }) => session)).toEqual([B]);
});

test.concurrent('while auth is away uses wait, and grow old', async ({ onTestFinished }) => {
  const { state, uses } = setup(onTestFinished);
  state.up = false;
  uses.note({ session: A, generation: 1 });
  await vi.waitFor(() => expect(state.asked).toBe(2), 20_000);
  state.now += 60_000;
  state.up = true;
  await vi.waitFor(() => expect(state.told).not.toEqual([]), 20_000);
  expect(state.told).toEqual([[{ session: A, generation: 1, ageMs: 60_000 }]]);
});

test.concurrent('a crowd is told in batches a second apart, and what is beyond the bound is counted', async ({
  onTestFinished,
}) => {
  const { state, uses, metrics } = setup(onTestFinished);
  for (let generation = 1; generation <= TOKEN_USES_MAX + 3; generation++) {
    uses.note({ session: A, generation });
  }
  expect(await metrics.text()).toMatch(/sotto_token_uses_dropped_total\S* 3\n/);
  await vi.waitFor(() => expect(state.told).toHaveLength(2), 20_000);
  const [first = 0, second = 0] = state.times;
  expect(second - first).toBeGreaterThan(900);
  expect(state.told.map((batch) => batch.length)).toEqual([TOKEN_USES_AT_ONCE, TOKEN_USES_AT_ONCE]);
  expect(state.told[1]?.[0]?.generation).toBe(TOKEN_USES_AT_ONCE + 1);
  // What was told makes room again.
  uses.note({ session: B, generation: 1 });
  expect(await metrics.text()).toMatch(/sotto_token_uses_dropped_total\S* 3\n/);
});
