/** Limits by source at several gateways in front of real services: what a caller makes up does not make it many. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { me, SOCKET_PATH } from '@sotto/api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Cluster, startCluster } from '../cluster.ts';
import { PASSWORD } from './doors.ts';

let cluster: Cluster;
let accessToken: string;

beforeAll(async () => {
  cluster = await startCluster({ LIMITS_USER_PER_MINUTE: '100000' });
  const response = await fetch(`${cluster.url}/api/v1/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'Mallory', password: PASSWORD }),
  });
  ({ accessToken } = (await response.json()) as { accessToken: string });
});
afterAll(() => cluster?.close());

describe('one source, one budget', () => {
  const LIMIT = 10;
  const limits = { LIMITS_SOURCE_PER_MINUTE: String(LIMIT) };

  async function freshGateways(
    count: number,
    environment: Record<string, string>,
  ): Promise<string[]> {
    const started = await Promise.all(
      Array.from({ length: count }, () =>
        cluster.startAnother('gateway', { ...limits, ...environment }),
      ),
    );
    return started.map(({ url }) => url);
  }

  /** From an address of this machine that no test before has used up the budget of. */
  const ask = (url: string, forwardedFor: string): Promise<IncomingMessage> => {
    return new Promise((resolve, reject) => {
      const headers = {
        'x-forwarded-for': forwardedFor,
        authorization: `Bearer ${accessToken}`,
      };
      const asked = request(url + me.path, { headers, localAddress: '127.0.0.9', agent: false });
      asked.on('error', reject);
      asked.on('response', (answer) => {
        answer.resume().once('end', () => resolve(answer));
      });
      asked.end();
    });
  };

  const withStatus = (status: number, answers: readonly IncomingMessage[]) => {
    return answers.filter(({ statusCode }) => statusCode === status);
  };
  const passed = (answers: readonly IncomingMessage[]) => withStatus(200, answers);

  test('500 requests at once over three gateways: ten pass, whatever X-Forwarded-For says', async () => {
    const urls = await freshGateways(3, {});
    const asked = Array.from({ length: 500 }, (_, at) => {
      return ask(urls[at % 3] ?? '', `203.0.113.${at % 256}`);
    });
    const responses = await Promise.all(asked);
    expect(passed(responses)).toHaveLength(LIMIT);
    const refused = withStatus(429, responses);
    expect(refused).toHaveLength(500 - LIMIT);
    const { headers } = refused.at(-1) ?? {};
    expect(headers).toMatchObject({ 'ratelimit-limit': String(LIMIT), 'ratelimit-remaining': '0' });
    expect(Number(headers?.['ratelimit-reset'])).toBeLessThanOrEqual(60);
    expect(Number(headers?.['retry-after'])).toBeLessThanOrEqual(60);
    // Who watches over the gateway is not counted.
    expect((await fetch(`${urls[0]}/health/ready`)).status).toBe(200);
    const socket = new WebSocket(`${urls[0]?.replace('http', 'ws')}${SOCKET_PATH}`, {
      localAddress: '127.0.0.9',
    });
    const [, refusal] = await once(socket, 'unexpected-response');
    expect(refusal.statusCode).toBe(429);
  });

  test('behind one proxy the last word of X-Forwarded-For counts, and none to its left', async () => {
    const [url = ''] = await freshGateways(1, { TRUSTED_PROXIES: '1' });
    const spoofing = Array.from({ length: 40 }, (_, at) =>
      ask(url, `198.51.100.${at}, 203.0.113.1`),
    );
    expect(passed(await Promise.all(spoofing))).toHaveLength(LIMIT);
    const others = Array.from({ length: 40 }, (_, at) => ask(url, `203.0.113.1, 192.0.2.${at}`));
    expect(passed(await Promise.all(others))).toHaveLength(40);
  });

  test('addresses of IPv6 are counted by their /64, and IPv4 is IPv4 in either spelling', async () => {
    const [url = ''] = await freshGateways(1, { TRUSTED_PROXIES: '1' });
    const near = Array.from({ length: 40 }, (_, at) =>
      ask(url, `2001:db8:1:1::${at.toString(16)}`),
    );
    expect(passed(await Promise.all(near))).toHaveLength(LIMIT);
    const far = Array.from({ length: 20 }, (_, at) => ask(url, `2001:db8:1:${at + 2}::1`));
    expect(passed(await Promise.all(far))).toHaveLength(20);
    const spelled = Array.from({ length: 40 }, (_, at) => {
      return ask(url, at % 2 === 0 ? '192.0.2.200' : '::ffff:192.0.2.200');
    });
    expect(passed(await Promise.all(spelled))).toHaveLength(LIMIT);
  });
});
