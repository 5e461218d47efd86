/** What images hold of the services, outside of one: each runs from its own folder, and names what it is made of. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, openMemoryStore } from '@sotto/client';
import { nodeProvider } from '@sotto/crypto/node';
import { freePort } from '@sotto/standalone/free-port';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundleService, IMAGES, type ImageName } from '../../deployments/docker/bundle.ts';
import { NO_LIMITS, startCluster } from '../cluster.ts';
import { waitFor } from '../daemon.ts';
import { startProcess } from '../platform-process.ts';

const opened = new AsyncDisposableStack();
/** Outside of the checkout, so that nothing of it is found by chance. */
const directory = mkdtempSync(join(tmpdir(), 'sotto-images-'));
opened.defer(() => rmSync(directory, { recursive: true, force: true }));
const place = (service: ImageName, file = '.') => join(directory, service, file);
const read = (service: ImageName, file: string) => readFileSync(place(service, file), 'utf8');

beforeAll(async () => {
  for (const service of IMAGES) await bundleService(service, place(service));
}, 240_000);
afterAll(() => opened.disposeAsync());

describe('the images’ services', () => {
  let url: string;

  beforeAll(async () => {
    // Its servers are shared; its own five processes are not asked.
    const cluster = await startCluster(NO_LIMITS);
    opened.defer(() => cluster.close());
    const ports = new Map<ImageName, number>();
    for (const service of IMAGES) ports.set(service, await freePort());
    const urls = Object.fromEntries(
      [...ports].map(([name, port]) => [`${name.toUpperCase()}_URL`, `http://127.0.0.1:${port}`]),
    );
    const environment = {
      ...cluster.environment,
      ...urls,
      GATEWAY_WEB_CLIENT: place('gateway', 'web'),
    };
    const started = await Promise.all(
      IMAGES.map((service) =>
        startProcess(place(service, 'dist/main.js'), {
          ...environment,
          SERVER_PORT: String(ports.get(service)),
        }),
      ),
    );
    for (const process of started) opened.defer(async () => void (await process.stop()));
    url = `http://127.0.0.1:${ports.get('gateway')}`;
    await waitFor(async () => (await fetch(`${url}/health/ready`)).ok, 30_000);
  }, 240_000);

  test('let people register and talk', async () => {
    const people = await Promise.all(
      ['Alice', 'Bob'].map(async (username) => {
        const client = createClient({ url, store: openMemoryStore(), provider: nodeProvider });
        opened.defer(() => client.close());
        // The one hashes passwords by native code, the other checks keys in a thread of its own.
        const { user } = await client.register({ username, password: 'Correct-Horse-7' });
        await client.connect();
        return { client, user };
      }),
    );
    const [alice, bob] = people;
    if (alice === undefined || bob === undefined) throw new Error('nobody is there');
    const { id } = await alice.client.openDirect(bob.user);
    await alice.client.sendText(id, 'from one bundle to another');
    for await (const { content } of bob.client.messages()) {
      expect(content).toMatchObject({ type: 'text', text: 'from one bundle to another' });
      break;
    }
  });

  test.each(['/', '/docs', '/docs/swagger-ui.css', '/redoc'])('serve %s', async (path) => {
    expect((await fetch(`${url}${path}`)).status).toBe(200);
  });
});

describe.each(IMAGES)('what the image of %s holds', (service) => {
  test('starts by its first line, with what the service asks of the engine', () => {
    const [line] = read(service, 'dist/main.js').split('\n');
    const option = service === 'file' ? ' --max-semi-space-size=2' : '';
    expect(line).toBe(`#!/usr/local/bin/node${option}`);
    expect(statSync(place(service, 'dist/main.js')).mode & 0o111).toBe(0o111);
    expect(statSync(place(service, 'dist/health.js')).mode & 0o111).toBe(0o111);
  });

  test('is JavaScript alone', () => {
    const names = readdirSync(place(service), { recursive: true, encoding: 'utf8' });
    expect(names.filter((name) => /\.tsx?$/.test(name))).toEqual([]);
  });

  test('is listed, each package with its version and digest', () => {
    const { components } = JSON.parse(read(service, 'sbom.cdx.json'));
    const npm = components.filter(({ purl }: { purl: string }) => purl.startsWith('pkg:npm/'));
    expect(npm.map(({ name }: { name: string }) => name)).toContain('zod');
    for (const { purl, hashes } of npm) {
      expect(purl).toMatch(/^pkg:npm\/(%40[^/@]+\/)?[^/@]+@\d/);
      expect(hashes[0].content).toMatch(/^[0-9a-f]{128}$/);
    }
  });
});
