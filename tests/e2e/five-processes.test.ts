/** The same platform as five processes, with real servers between them: NATS, Redis, S3, one PostgreSQL. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../cluster.ts';
import { startDemo } from '../demo-process.ts';

let people: string;
let cluster: Cluster;

beforeAll(async () => {
  people = mkdtempSync(join(tmpdir(), 'sotto-people-'));
  cluster = await startCluster();
}, 120_000);

afterAll(async () => {
  await cluster?.close();
  rmSync(people, { recursive: true, force: true });
});

test('two people talk and send a file through all five', async () => {
  const output = await startDemo({ url: cluster.url, directory: people }).done;
  expect(output).toContain('Everything arrived');
}, 60_000);

test('each process stops in order when it is asked to', async () => {
  for (const one of Object.values(cluster.processes)) expect(await one.stop()).toBe(0);
}, 60_000);
