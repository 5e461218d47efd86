/** Limits by address, through the gateway as a process of its own: what a caller writes about itself changes nothing. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../cluster.ts';
import { knock, PASSWORD } from './doors.ts';

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({
    LIMITS_SOURCE_PER_MINUTE: '100000',
    LIMITS_CHALLENGE_PER_MINUTE: '10',
  });
}, 120_000);
afterAll(() => cluster?.close());

const post = (path: string, body: unknown, headers: Record<string, string>) => {
  return knock(`${cluster.url}/api/v1/auth/${path}`, { method: 'POST', body, headers });
};

/** Every header in which somebody has ever believed an address, with another one each time. */
function claims(index: number): Record<string, string> {
  const address = `203.0.113.${index}`;
  return {
    'x-forwarded-for': address,
    forwarded: `for=${address}`,
    'x-real-ip': address,
    'x-client-ip': address,
    'true-client-ip': address,
    'cf-connecting-ip': address,
    'x-sotto-client': address,
    'x-sotto-gateway': 'A'.repeat(43),
  };
}

test('of 60 parallel requests that each claim another address exactly 10 pass a limit of 10', async () => {
  const device = randomUUID();
  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, index) => post('challenge', { device }, claims(index))),
  );
  const statuses = answers.map(({ status }) => status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(10);
  expect(statuses.filter((status) => status === 429)).toHaveLength(50);
});

test('a guesser who claims another address for each try is locked out after five', async () => {
  const username = 'Guessed';
  await post('register', { username, password: PASSWORD }, {});
  const statuses: number[] = [];
  for (let index = 0; index < 8; index++) {
    const body = { username, password: 'Wrong-passw0rd' };
    statuses.push((await post('login', body, claims(index))).status);
  }
  expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
});
