/** Secrets that tokens come from are changed while the platform runs, and nobody has to log in again. */
import { randomBytes } from 'node:crypto';
import { Login, Tokens } from '@sotto/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Cluster, startCluster } from '../cluster.ts';
import type { PlatformProcess } from '../platform-process.ts';
import { knock, knockSocket, PASSWORD, readStatuses, untilSettled } from './doors.ts';
import { readToken } from './forgery.ts';

const secret = () => randomBytes(32).toString('base64url');
const [oldAccess, freshAccess, oldRefresh, freshRefresh] = [secret(), secret(), secret(), secret()];

let cluster: Cluster;
let auth: PlatformProcess;

beforeAll(async () => {
  cluster = await startCluster({
    JWT_ACCESS_SECRET: oldAccess,
    JWT_REFRESH_SECRET: oldRefresh,
    LIMITS_USER_PER_MINUTE: '100000',
    LIMITS_SOURCE_PER_MINUTE: '100000',
  });
  auth = cluster.processes.auth;
}, 120_000);
afterAll(() => cluster?.close());

/** The auth service anew, where it was, with other secrets. */
async function restartAuth(access: string[], refresh: string[]): Promise<void> {
  const { port } = new URL(auth.url);
  await auth.stop();
  auth = await cluster.startAnother('auth', {
    SERVER_PORT: port,
    JWT_ACCESS_SECRET: access.join(','),
    JWT_REFRESH_SECRET: refresh.join(','),
  });
}

const post = (path: string, body: unknown) => {
  return knock(`${cluster.url}/api/v1/auth/${path}`, { method: 'POST', body });
};
const renew = async (refreshToken: string) => {
  return Tokens.parse((await post('refresh', { refreshToken })).body);
};
const keyIds = async () => {
  const { body } = await knock(`${cluster.url}/.well-known/jwks.json`);
  return (body as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
};

/** What each service says to a token, and the WebSocket. */
async function verdicts(token: string): Promise<(number | 'open')[]> {
  const statuses = await readStatuses(cluster.url, token);
  const socket = await knockSocket(cluster.url, token);
  if (socket instanceof WebSocket) socket.terminate();
  return [...statuses, socket instanceof WebSocket ? 'open' : socket];
}

const GOOD = [200, 200, 200, 'open'];

test('old and new secrets overlap: what the old ones made is good until it is renewed or ends', async () => {
  const body = { username: 'Rotating', password: PASSWORD };
  const login = Login.parse((await post('register', body)).body);
  await untilSettled(cluster.url, login.accessToken);
  expect(await verdicts(login.accessToken)).toEqual(GOOD);
  const [oldId] = await keyIds();

  // Known before it is used, so that several auth processes can be restarted one after the other.
  await restartAuth([oldAccess, freshAccess], [oldRefresh, freshRefresh]);
  const second = await renew(login.refreshToken);
  expect(readToken(second.accessToken).header.kid).toBe(oldId);
  expect(await keyIds()).toHaveLength(2);

  await restartAuth([freshAccess, oldAccess], [freshRefresh, oldRefresh]);
  expect(await verdicts(login.accessToken)).toEqual(GOOD);
  const third = await renew(second.refreshToken);
  const freshId = readToken(third.accessToken).header.kid;
  expect(freshId).not.toBe(oldId);
  // The other services have been running all the time, and have not heard of this key yet. They ask for keys every two
  // seconds at most, and this test is quicker than that.
  await expect.poll(() => verdicts(third.accessToken), { timeout: 5_000 }).toEqual(GOOD);

  await restartAuth([freshAccess], [freshRefresh]);
  expect(await keyIds()).toEqual([freshId]);
  expect(await verdicts(third.accessToken)).toEqual(GOOD);
  expect(await verdicts((await renew(third.refreshToken)).accessToken)).toEqual(GOOD);
  const late = await post('refresh', { refreshToken: second.refreshToken });
  expect(late).toMatchObject({ status: 401, body: { code: 'auth.refresh-invalid' } });
  const me = await knock(`${cluster.url}/api/v1/auth/me`, { token: second.accessToken });
  expect(me).toMatchObject({ status: 401, body: { code: 'auth.token-invalid' } });
}, 120_000);
