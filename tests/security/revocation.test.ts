/** A session that ends, ends everywhere: at every service and on open WebSockets, within 5 s, with the bus up or down. */
import { mkdtempSync, rmSync } from 'node:fs';
import { CLOSE_CODES, Login, Tokens } from '@sotto/api';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { type Cluster, startCluster } from '../cluster.ts';
import { waitFor } from '../daemon.ts';
import { startNats, type TestServers } from '../servers.ts';
import { knock, knockSocket, PASSWORD, readStatuses, untilSettled } from './doors.ts';

/** DESIGN section 5. */
const EVERYWHERE_MS = 5_000;
/** The grace of a refresh token, and some. */
const GRACE_MS = 20_000;

let directory: string;
let nats: TestServers;
let cluster: Cluster;
/** Robbed at the same time, since the grace of a token has to pass for each. */
let victims: Record<'up' | 'down', Victim>;

beforeAll(async () => {
  directory = mkdtempSync('/tmp/sotto-revocation-');
  nats = await startNats(directory, process.env);
  cluster = await startCluster({
    NATS_URL: nats.environment.TEST_NATS_URL ?? '',
    LIMITS_USER_PER_MINUTE: '100000',
    LIMITS_SOURCE_PER_MINUTE: '100000',
  });
  const [up, down] = await Promise.all([robbed(), robbed()]);
  victims = { up, down };
}, 120_000);
afterAll(async () => {
  await cluster?.close();
  await nats?.close();
  rmSync(directory, { recursive: true, force: true });
});

let names = 0;
const post = (path: string, body: unknown, token?: string) => {
  return knock(`${cluster.url}/api/v1/auth/${path}`, {
    method: 'POST',
    body,
    ...(token !== undefined && { token }),
  });
};
const renew = async (refreshToken: string) => {
  return Tokens.parse((await post('refresh', { refreshToken })).body);
};

/** Somebody with a socket open, whose refresh token of the day before last was copied. */
async function robbed() {
  const account = { username: `Robbed${++names}`, password: PASSWORD };
  const login = Login.parse((await post('register', account)).body);
  const second = await renew(login.refreshToken);
  const { accessToken } = await renew(second.refreshToken);
  await untilSettled(cluster.url, accessToken);
  const socket = await knockSocket(cluster.url, accessToken);
  if (!(socket instanceof WebSocket)) throw new Error(`no socket: ${socket}`);
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  return { stolen: login.refreshToken, accessToken, closed };
}

type Victim = Awaited<ReturnType<typeof robbed>>;

async function expectDeadEverywhere({ accessToken, closed }: Victim) {
  const started = performance.now();
  await waitFor(
    async () => (await readStatuses(cluster.url, accessToken)).every((status) => status === 401),
    EVERYWHERE_MS,
  );
  expect(await closed).toBe(CLOSE_CODES.tokenEnded);
  expect(performance.now() - started).toBeLessThan(EVERYWHERE_MS);
}

/** The stolen token is good while its successor may still be on its way, and then gives its user away. */
async function useUntilRefused(refreshToken: string): Promise<void> {
  const isRefused = async () => (await post('refresh', { refreshToken })).status === 401;
  await waitFor(isRefused, GRACE_MS);
}

describe.each(['up', 'down'] as const)('with the bus %s', (bus) => {
  test('a refresh token used after its time ends the session everywhere', async () => {
    const victim = victims[bus];
    expect(await readStatuses(cluster.url, victim.accessToken)).toEqual([200, 200, 200]);
    if (bus === 'down') await nats.close();
    await useUntilRefused(victim.stolen);
    await expectDeadEverywhere(victim);
  }, 60_000);
});

test('with the bus down, logging out everywhere ends sessions that have no socket as well', async () => {
  const account = { username: `Robbed${++names}`, password: PASSWORD };
  const first = Login.parse((await post('register', account)).body);
  const second = Login.parse((await post('login', account)).body);
  expect((await post('logout-everywhere', undefined, first.accessToken)).status).toBe(204);
  await vi.waitFor(async () => {
    for (const { accessToken } of [first, second]) {
      expect(await readStatuses(cluster.url, accessToken)).toEqual([401, 401, 401]);
    }
  }, EVERYWHERE_MS);
}, 30_000);
