import {
  ApiError,
  getIdentity,
  login,
  openSocketTicket,
  type ProblemCode,
  UserId,
} from '@sotto/api';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { patient } from './patience.ts';

const CREDENTIALS = { body: { username: 'alice', password: 'Secret!23' } };

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test('a call that is limited goes out again when it is asked to, and not earlier', async () => {
  const { run, calls } = refusing(2, 'rate.limited', 10);
  const onWait = vi.fn();
  const answer = patient(run, { ...options(60_000), onWait })(openSocketTicket, {});
  await vi.advanceTimersByTimeAsync(9_999);
  expect(calls()).toBe(1);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(calls()).toBe(3);
  await answer;
  expect(onWait).toHaveBeenCalledTimes(2);
});

test('what would take longer than somebody waits is thrown at once', async () => {
  const { run, calls } = refusing(1, 'rate.limited', 300);
  const limited = patient(run, options(2_000))(login, CREDENTIALS);
  await expect(limited).rejects.toMatchObject({
    code: 'rate.limited',
    options: { retryAfter: 300 },
  });
  expect(calls()).toBe(1);
});

test('a platform that refuses for ever is given up when all pauses are used up', async () => {
  const { run, calls } = refusing(1_000, 'auth.busy', 1);
  const busy = patient(run, options(5_000))(login, CREDENTIALS);
  const outcome = expect(busy).rejects.toMatchObject({ code: 'auth.busy' });
  await vi.advanceTimersByTimeAsync(10_000);
  await outcome;
  expect(calls()).toBeLessThan(6);
});

test('what may have happened is done twice only where that does no harm', async () => {
  const post = refusing(1, 'service.unavailable', 0);
  await expect(patient(post.run, options(2_000))(login, CREDENTIALS)).rejects.toMatchObject({
    code: 'service.unavailable',
  });
  const background = patient(post.run, { ...options(2_000), isRepeatable: true });
  const get = patient(refusing(1, 'service.unavailable', 0).run, options(2_000));
  const done = [background(openSocketTicket, {}), get(getIdentity, { params: { user_id: ID } })];
  await vi.advanceTimersByTimeAsync(2_000);
  await Promise.all(done);
});

test('closing ends a pause, with the reason for it', async () => {
  const { run } = refusing(1, 'rate.limited', 50);
  const closing = new AbortController();
  const limited = patient(run, { ...options(60_000), signal: closing.signal })(
    openSocketTicket,
    {},
  );
  const outcome = expect(limited).rejects.toMatchObject({ code: 'rate.limited' });
  await vi.advanceTimersByTimeAsync(10);
  closing.abort();
  await outcome;
  expect(vi.getTimerCount()).toBe(0);
});

const ID = UserId.parse('018f0000-0000-7000-8000-00000000000a');

function options(waitMsMax: number) {
  return { waitMsMax, signal: new AbortController().signal, random: () => 0.5 };
}

/** Refuses the first calls, then answers. */
function refusing(times: number, code: ProblemCode, retryAfter: number) {
  let count = 0;
  const run = async () => {
    count += 1;
    if (count <= times) throw new ApiError(code, { retryAfter });
    return undefined as never;
  };
  return { run, calls: () => count };
}
