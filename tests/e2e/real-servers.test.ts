/** The platform over real servers (PostgreSQL, NATS, Redis, S3): as five processes, and as one. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openRealServers, startCluster, startStandalone } from '../cluster.ts';
import { startDemo } from '../demo-process.ts';

const TEST_MS = 120_000;

let people: string;

beforeEach(() => {
  people = mkdtempSync(join(tmpdir(), 'sotto-people-'));
});
afterEach(() => rmSync(people, { recursive: true, force: true }));

test(
  'two people talk and send a file through five processes, which then stop in order',
  async () => {
    const cluster = await startCluster();
    try {
      const output = await startDemo({ url: cluster.url, directory: people }).done;
      expect(output).toContain('Everything arrived');
      for (const one of Object.values(cluster.processes)) expect(await one.stop()).toBe(0);
    } finally {
      await cluster.close();
    }
  },
  TEST_MS,
);

test(
  'one process uses the servers that its configuration names, and keeps nothing of theirs itself',
  async () => {
    const servers = await openRealServers();
    const platform = await startStandalone({ environment: servers.environment });
    try {
      const output = await startDemo({ url: platform.url, directory: people }).done;
      expect(output).toContain('Everything arrived');
      expect(readdirSync(platform.dataDirectory).toSorted()).toEqual([
        'lock',
        'logs',
        'running.json',
        'secrets',
      ]);
    } finally {
      await platform.close();
      await servers.close();
    }
  },
  TEST_MS,
);
