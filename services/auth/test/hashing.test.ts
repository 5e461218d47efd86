/** What passwords cost: the same for whoever is there and whoever is not, and never more than the queue allows. */
import { jwks, login, type Problem, recover, register } from '@sotto/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HASHES_AT_ONCE, HASHES_WAITING_MAX } from '../src/limits.ts';
import {
  type Caller,
  openPlatform,
  PASSWORD,
  type TestPlatform,
  testConfig,
} from './platform.fixture.ts';

let platform: TestPlatform;
let auth: Caller;

beforeAll(async () => {
  platform = await openPlatform();
  auth = await platform.start(testConfig({ limits: { loginFailuresPerSource: 100_000 } }));
});
afterAll(() => platform.close());

let names = 0;
const freshName = () => `Hash${++names}`;

async function hashesMade(): Promise<number> {
  const response = await auth.fetch(new Request('http://auth/metrics'));
  const line = /password_hashes_total(?:\{[^}]*\})? (\d+)/.exec(await response.text());
  return Number(line?.[1] ?? 0);
}

async function hashesOf(work: () => Promise<unknown>): Promise<number> {
  const before = await hashesMade();
  await work();
  return (await hashesMade()) - before;
}

test('a wrong password and an unknown user cost one hash each, a broken rule, a taken name and a wrong code none', async () => {
  const username = freshName();
  await auth.register(username);
  const password = 'Wrong-passw0rd';
  const wrong = { body: { username, password } };
  const unknown = { body: { username: freshName(), password } };
  expect(await hashesOf(() => auth.problem(login, wrong))).toBe(1);
  expect(await hashesOf(() => auth.problem(login, unknown))).toBe(1);
  const weak = { body: { username: freshName(), password: 'weak' } };
  expect(await hashesOf(() => auth.problem(register, weak))).toBe(0);
  const taken = { body: { username: username.toUpperCase(), password: PASSWORD } };
  expect(await hashesOf(() => auth.problem(register, taken))).toBe(0);
  const code = { recoveryCode: 'nonsense', newPassword: PASSWORD };
  for (const name of [username, freshName()]) {
    const guess = { body: { username: name, ...code } };
    expect(await hashesOf(() => auth.problem(recover, guess))).toBe(0);
  }
});

test('of 200 log-ins at once some wait and the rest are told to come back; other routes go on', async () => {
  const before = await hashesMade();
  let answered = 0;
  const logins = Array.from({ length: 200 }, async () => {
    const body = { username: freshName(), password: 'Wrong-passw0rd' };
    const answer = await auth.send(login, { body });
    answered++;
    return answer;
  });
  // The event loop and the database stay free for others while passwords wait.
  const other = await auth.send(jwks);
  expect(other.status).toBe(200);
  expect(answered).toBeLessThan(200);
  const answers = await Promise.all(logins);
  const busy = answers.filter(({ status }) => status === 503);
  const wrong = answers.filter(({ status }) => status === 401);
  expect(busy.length + wrong.length).toBe(200);
  for (const { headers, body } of busy) {
    expect((body as Problem).code).toBe('auth.busy');
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  }
  // Whatever is not turned away was hashed, once.
  expect((await hashesMade()) - before).toBe(wrong.length);
  expect(wrong.length).toBeGreaterThanOrEqual(HASHES_AT_ONCE + HASHES_WAITING_MAX);
});
