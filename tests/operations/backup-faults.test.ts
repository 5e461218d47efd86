/** What must not pass for a good backup: `npm run backup` beside a store, a database or another backup that fails it. */
import { randomBytes, randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, openMemoryStore } from '@sotto/client';
import { nodeProvider } from '@sotto/crypto/node';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { NO_LIMITS, type Standalone, startStandalone } from '../cluster.ts';
import { connectEmbedded } from './embedded-database.ts';
import { type Ended, runScript, startScript } from './script.ts';

const WAIT = { timeout: 60_000, interval: 1 };
const FILES = 4;
const FILE_BYTES = 3 * 1024 * 1024;

/** All rows of this platform are fewer: a backup that is larger is at its files. */
const ROWS_BYTES_MAX = 1024 * 1024;

let folder: string;
let platform: Standalone;
let database: pg.Client;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sotto-backup-faults-'));
  platform = await startStandalone({ environment: NO_LIMITS });
  database = await connectEmbedded(platform.dataDirectory);
  await sendFiles();
}, 120_000);
afterAll(async () => {
  await database?.end();
  await platform?.close();
  rmSync(folder, { recursive: true, force: true });
});

test('a backup without all files says so, and ends as one that failed', async () => {
  const { rows } = await database.query(`select blob_key::text as key from file.files
    where state = 'stored' limit 1`);
  const blob = blobOf(rows[0]?.key);
  renameSync(blob, `${blob}-away`);
  const lacking = await backUp('lacking');
  renameSync(`${blob}-away`, blob);
  expect(lacking).toMatchObject({ code: 1, stderr: expect.stringContaining('1 files that rows') });
  expect(await backUp('whole')).toMatchObject({ code: 0, stderr: '' });
}, 240_000);

test('the store of another platform is refused before anything is copied', async () => {
  const marker = blobOf('736f7474-6f00-4000-8000-000000000001');
  await vi.waitFor(() => expect(existsSync(marker)).toBe(true), WAIT);
  const owner = readFileSync(marker);
  writeFileSync(marker, randomUUID());
  const foreign = await backUp('foreign');
  writeFileSync(marker, owner);
  expect(foreign).toMatchObject({ code: 1, stderr: expect.stringContaining('another platform') });
  expect(readdirSync(folder).filter((name) => name.startsWith('foreign'))).toEqual([]);
}, 240_000);

test('a second backup to one name is refused, and leaves the first alone', async () => {
  const first = startScript('backup', [join(folder, 'twice')], inDirectory());
  await vi.waitFor(() => expect(existsSync(join(folder, 'twice.partial'))).toBe(true), WAIT);
  // However slow the first is.
  first.child.kill('SIGSTOP');
  const second = await backUp('twice');
  first.child.kill('SIGCONT');
  expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining('another backup') });
  expect(await first.ended).toMatchObject({ code: 0 });
  expect(await runScript('backup', ['--verify', join(folder, 'twice')])).toMatchObject({ code: 0 });
}, 240_000);

test('a backup that the database has let go of is none: files may have been removed meanwhile', async () => {
  const draft = join(folder, 'let-go.partial');
  const command = startScript('backup', [join(folder, 'let-go')], inDirectory());
  const isAtFiles = () => (statSync(draft, { throwIfNoEntry: false })?.size ?? 0) > ROWS_BYTES_MAX;
  await vi.waitFor(() => expect(isAtFiles()).toBe(true), WAIT);
  command.child.kill('SIGSTOP');
  const { rowCount } = await database.query(`select pg_terminate_backend(pid)
    from pg_stat_activity where application_name = 'sotto-backup'`);
  command.child.kill('SIGCONT');
  expect(rowCount).toBe(1);
  expect(await command.ended).toMatchObject({
    code: 69,
    stderr: expect.stringContaining('begin again'),
  });
  expect(readdirSync(folder).filter((name) => name.startsWith('let-go'))).toEqual([]);
}, 240_000);

function backUp(name: string): Promise<Ended> {
  return runScript('backup', [join(folder, name)], inDirectory());
}

function inDirectory(): Record<string, string> {
  return { DATA_DIR: platform.dataDirectory };
}

function blobOf(key: string): string {
  return join(platform.dataDirectory, 'blobs', key.slice(0, 2), key.slice(2, 4), key);
}

async function sendFiles(): Promise<void> {
  const [alice, bob] = [newClient(), newClient()];
  await alice.register({ username: 'alice', password: 'Correct-Horse-7' });
  await bob.register({ username: 'bob', password: 'Correct-Horse-7' });
  await Promise.all([alice.connect(), bob.connect()]);
  const { id } = await alice.openDirect((await bob.me())!.user);
  for (let count = 0; count < FILES; count += 1) {
    const data = new Blob([randomBytes(FILE_BYTES)]);
    const message = await alice.sendFile(id, { name: 'a', type: 'text/plain', data });
    await alice.whenStored(message.id);
  }
  await Promise.all([alice.close(), bob.close()]);
}

function newClient() {
  return createClient({ url: platform.url, store: openMemoryStore(), provider: nodeProvider });
}
