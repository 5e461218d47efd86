/** Real services in processes of their own behind a gateway, two accounts there, and what the services have answered. */
import { expect } from 'vitest';
import { type Cluster, startCluster } from '../cluster.ts';
import type { PlatformProcess } from '../platform-process.ts';
import { PASSWORD } from './doors.ts';

export interface Account {
  user: string;
  session: string;
  accessToken: string;
}

export interface Gate {
  cluster: Cluster;
  alice: Account;
  mallory: Account;
  /** Requests that the services have answered since they started, but for those of whoever watches over them. */
  answered(): Promise<number>;
  close(): Promise<void>;
}

/** With no limits to speak of. */
export async function openGate(): Promise<Gate> {
  const cluster = await startCluster({
    LIMITS_USER_PER_MINUTE: '100000',
    LIMITS_SOURCE_PER_MINUTE: '100000',
  });
  const [alice, mallory] = [
    await makeAccount(cluster.url, 'Alice'),
    await makeAccount(cluster.url, 'Mallory'),
  ];
  return {
    ...{ cluster, alice, mallory },
    async answered() {
      const { auth, key, message, file } = cluster.processes;
      const counts = await Promise.all([auth, key, message, file].map(answeredBy));
      return counts.reduce((sum, count) => sum + count, 0);
    },
    close: () => cluster.close(),
  };
}

async function makeAccount(url: string, username: string): Promise<Account> {
  const response = await fetch(`${url}/api/v1/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password: PASSWORD }),
  });
  expect(response.status).toBe(201);
  return response.json();
}

async function answeredBy(process: PlatformProcess): Promise<number> {
  const text = await (await fetch(`${process.url}/metrics`)).text();
  const lines = text
    .split('\n')
    .filter((line) => line.startsWith('sotto_http_request_seconds_count'));
  const others = lines.filter((line) => !/route="\/(health|metrics|internal)/.test(line));
  return others.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}
