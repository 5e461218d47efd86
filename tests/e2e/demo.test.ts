/** `npm run demo` as a newcomer starts it: beside a platform that runs, and where none does. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../services/standalone/src/free-port.ts';
import { COMPILE_CACHE } from '../compile-cache.ts';
import { startProcess } from '../platform-process.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const DEMO_MS = 90_000;

let data: string;

beforeAll(() => {
  data = mkdtempSync(join(tmpdir(), 'sotto-demo-'));
});
afterAll(() => rmSync(data, { recursive: true, force: true }));

function demo(...words: string[]): Promise<{ exitCode: number; out: string; notes: string }> {
  const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<typeof demo>>>();
  const env = { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', ...COMPILE_CACHE, DATA_DIR: data };
  execFile(
    process.execPath,
    ['scripts/demo.ts', ...words],
    { cwd: root, env },
    (error, out, notes) =>
      resolve({ exitCode: error === null ? 0 : Number(error.code ?? -1), out, notes }),
  );
  return promise;
}

test('says how it is used', async () => {
  expect(await demo('--help')).toMatchObject({
    exitCode: 0,
    out: expect.stringMatching(/^Usage: npm run demo/),
  });
});

test('where nothing listens, ends soon and in one line', async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const { exitCode, notes } = await demo('--url', url);
  expect(exitCode).toBe(1);
  expect(notes).toBe(`sotto: no platform answers at ${url} (ECONNREFUSED)\n`);
});

test('where what listens is silent, ends by itself', async () => {
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  try {
    await new Promise((resolve) => silent.once('listening', resolve));
    const address = silent.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const { notes } = await demo('--url', `http://127.0.0.1:${address.port}`);
    expect(notes).toMatch(/^sotto: no platform answers at .*\n$/);
  } finally {
    silent.close();
  }
}, 30_000);

test(
  'uses the platform that runs on the data directory, keeps its people there, and says when they are strangers',
  async () => {
    const environment = { DATA_DIR: data, SERVER_PORT: '0' };
    const platform = await startProcess('services/standalone/src/main.ts', environment);
    const beside = await demo();
    expect(beside).toMatchObject({ exitCode: 0 });
    expect(beside.out).toContain(platform.url);
    expect(existsSync(join(data, 'demo', 'standalone', 'alice.db'))).toBe(true);
    await platform.stop();

    for (const name of ['postgres', 'secrets', 'blobs']) {
      rmSync(join(data, name), { recursive: true });
    }
    const anew = await demo();
    expect(anew.exitCode).toBe(1);
    expect(anew.out).toMatch(/does not know Alice any more: delete/);
    expect(anew.out).not.toContain('goes on where it stopped');
  },
  DEMO_MS,
);
