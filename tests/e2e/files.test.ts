/** Files through the SDK and the platform as users run them: of any length, in little memory, over its restarts. */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { type Client, createClient, PLAIN_FILE_BYTES_MAX } from '@sotto/client';
import { openSqliteStore } from '@sotto/client/sqlite';
import { nodeProvider } from '@sotto/crypto/node';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { freePort, type Standalone, startStandalone } from '../cluster.ts';

const CARRIER = fileURLToPath(new URL('file-carrier.ts', import.meta.url));
const MIB = 1024 * 1024;
const WAIT_MS = 30_000;

let platform: Standalone;
let environment: Record<string, string>;
let directory: string;
const clients = new Set<Client>();
let people = 0;

beforeAll(async () => {
  environment = { SERVER_PORT: String(await freePort()) };
  platform = await startStandalone({ environment });
});
afterAll(async () => {
  await platform?.stop();
  if (platform) rmSync(platform.dataDirectory, { recursive: true, force: true });
});
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sotto files '));
});
afterEach(async () => {
  for (const client of clients) await client.close();
  clients.clear();
  rmSync(directory, { recursive: true, force: true });
});

test('the largest file goes up and down in a process with a heap of 64 MiB', async () => {
  const [from, to] = [join(directory, 'from'), join(directory, 'to')];
  const sent = await writeRandom(from, PLAIN_FILE_BYTES_MAX);
  const flags = ['--max-old-space-size=64', CARRIER, platform.url, directory, from, to];
  const child = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [report, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  expect(code).toBe(0);
  const { rssBefore, rssMax, first, last } = JSON.parse(report);
  expect([first, last]).toEqual([0, 1]);
  expect(await digestOf(to)).toBe(sent);
  // Neither the file nor its ciphertext is ever there as a whole.
  expect((rssMax - rssBefore) / MIB).toBeLessThan(90);
  expect(readdirSync(directory).filter((name) => name.endsWith('.part'))).toEqual([]);
}, 180_000);

test('an upload that the platform was killed under goes on, and so does the download', async () => {
  const [alice, bob] = [await enter('alice'), await enter('bob')];
  const { id } = await alice.openDirect((await bob.me())!.user);
  const data = randomBytes(12 * MIB);
  const restarts: Promise<void>[] = [];
  const onProgress = ({ done }: { done: number }) => {
    if (done > 0 && restarts.length === 0) restarts.push(restart());
  };
  const file = { name: 'film.mp4', type: 'video/mp4', data: new Blob([data]) };
  await alice.sendFile(id, file, { onProgress });
  expect(restarts).toHaveLength(1);
  const message = await vi.waitFor(async () => {
    const [found] = await bob.history(id);
    return found?.type === 'message' ? found : expect.fail('nothing has come');
  }, WAIT_MS);
  const { stream } = await bob.openFile(message);
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) {
    if (pieces.length === 0) restarts.push(restart());
    pieces.push(piece);
  }
  await Promise.all(restarts);
  expect(Buffer.compare(Buffer.concat(pieces), data)).toBe(0);
  const opened = await bob.openFile(message);
  expect(await opened.read({ start: 6 * MIB, end: 6 * MIB + 9 })).toEqual(
    new Uint8Array(data.subarray(6 * MIB, 6 * MIB + 9)),
  );
}, 180_000);

async function restart(): Promise<void> {
  await platform.kill();
  platform = await startStandalone({ environment, dataDirectory: platform.dataDirectory });
}

async function enter(name: string): Promise<Client> {
  const store = openSqliteStore(join(directory, `${name}.db`));
  const client = createClient({ url: platform.url, store, provider: nodeProvider });
  clients.add(client);
  await client.register({ username: `${name}${++people}`, password: 'Correct-Horse-7' });
  await client.connect();
  return client;
}

/** Writes a file of random bytes, and gives their digest. */
async function writeRandom(path: string, size: number): Promise<string> {
  const hash = createHash('sha256');
  const pieces = function* () {
    for (let left = size; left > 0; left -= MIB) {
      const piece = randomBytes(Math.min(left, MIB));
      hash.update(piece);
      yield piece;
    }
  };
  await pipeline(Readable.from(pieces()), createWriteStream(path));
  return hash.digest('hex');
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
