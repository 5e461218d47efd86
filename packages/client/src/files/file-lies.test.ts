/** A platform, or a store behind it, that gives out other bytes than were sent: nothing of them is ever handed on. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encryptedFileLength, encryptFile, type FileSecret } from '@sotto/crypto/files';
import { nodeProvider } from '@sotto/crypto/node';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type Client, createClient } from '../client.ts';
import { followRedirect } from '../connection/redirect.ts';
import type { Message } from '../messages/history-item.ts';
import { saveFile } from '../node.ts';
import { type Platform, startPlatform } from '../platform/platform.fixture.ts';
import { partOf } from '../platform/platform-shelf.fixture.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { openWhole } from './file-download.ts';
import { paddedLength } from './file-padding.ts';

const HEADER = 56;
const CHUNK = 16_400;
const data = new Uint8Array(nodeProvider.randomBytes(100_000));
const other = new Uint8Array(nodeProvider.randomBytes(100_000));

const servers: Server[] = [];
let platform: Platform;
let directory: string;
let alice: Client;
let message: Message;
let secret: FileSecret;
let ciphertext: Uint8Array;
/** Of another file of the same size. */
let foreign: Uint8Array;

beforeAll(async () => {
  platform = await startPlatform();
  alice = createClient({ url: platform.url, store: openMemoryStore(), provider: nodeProvider });
  const bob = createClient({ url: platform.url, store: openMemoryStore(), provider: nodeProvider });
  for (const [client, username] of [[alice, 'alice'] as const, [bob, 'bob'] as const]) {
    await client.register({ username, password: 'Secret!23' });
    await client.connect();
  }
  const conversation = await bob.openDirect((await alice.me())!.user);
  for (const content of [other, data]) {
    const { id } = await bob.sendFile(conversation.id, { name: 'a', type: 'a/b', data: content });
    await bob.whenStored(id);
  }
  await bob.close();
  const found = await vi.waitFor(async () => {
    const history = await alice.history(conversation.id);
    expect(history).toHaveLength(2);
    return history[1];
  }, 30_000);
  if (found?.type !== 'message' || found.content.type !== 'file') return expect.unreachable();
  message = found;
  secret = { key: found.content.file.key, context: new Uint8Array() };
  [foreign = expect.fail(), ciphertext = expect.fail()] = platform.files.stored.values();
});
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sotto-lies-'));
  platform.files.show = (bytes) => bytes;
  platform.calls.length = 0;
});
afterEach(() => rmSync(directory, { recursive: true }));
afterAll(async () => {
  await alice?.close();
  await platform?.close();
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** What is given out in place of the ciphertext. */
const lies: Record<string, (bytes: Uint8Array) => Uint8Array> = {
  'cut in its last chunk': (bytes) => bytes.subarray(0, -1),
  'cut at the last boundary': (bytes) => bytes.subarray(0, HEADER + 6 * CHUNK),
  'cut at an earlier boundary': (bytes) => bytes.subarray(0, HEADER + 2 * CHUNK),
  'cut to its header': (bytes) => bytes.subarray(0, HEADER),
  'of no length': (bytes) => bytes.subarray(0, 0),
  'with two chunks swapped': (bytes) => {
    const swapped = bytes.slice();
    swapped.set(bytes.subarray(HEADER + CHUNK, HEADER + 2 * CHUNK), HEADER + 2 * CHUNK);
    swapped.set(bytes.subarray(HEADER + 2 * CHUNK, HEADER + 3 * CHUNK), HEADER + CHUNK);
    return swapped;
  },
  'with a chunk repeated': (bytes) =>
    bytes.slice().copyWithin(HEADER + CHUNK, HEADER, HEADER + CHUNK),
  'with a chunk left out': (bytes) =>
    Buffer.concat([bytes.subarray(0, HEADER + CHUNK), bytes.subarray(HEADER + 2 * CHUNK)]),
  'with a byte appended': (bytes) => Buffer.concat([bytes, Uint8Array.of(0)]),
  'with a chunk appended': (bytes) =>
    Buffer.concat([bytes, bytes.subarray(HEADER, HEADER + CHUNK)]),
  'with a bit changed in its first chunk': (bytes) => bytes.with(HEADER, bytes[HEADER]! ^ 1),
  'with a bit changed in its padding': (bytes) => bytes.with(-1, bytes.at(-1)! ^ 1),
  'of another file': () => foreign,
};

function sealAgain(length: number, content: Uint8Array): Uint8Array {
  const padded = new Uint8Array(paddedLength(content.length));
  padded.set(content);
  const sealed = encryptFile(nodeProvider, secret, padded);
  expect(sealed).toHaveLength(length);
  return sealed;
}

test.each(Object.keys(lies))('a ciphertext that comes %s is no file', async (name) => {
  platform.files.show = lies[name]!;
  await expectNoFile();
});

test.each(Object.keys(lies))('nor one that a named place gives, %s', async (name) => {
  const { url } = await serve((bytes) => lies[name]!(bytes));
  platform.files.show = () => new URL('/blob', url);
  await expectNoFile();
});

test.each([data, other])(
  'what a member who has the key has made in its place is never whole',
  async (content) => {
    platform.files.show = (bytes) => sealAgain(bytes.length, content);
    const { stream } = await alice.openFile(message);
    const reading = new Response(stream).bytes();
    await expect(reading).rejects.toMatchObject({ code: 'file.damaged' });
    const saving = saveFile(await alice.openFile(message), join(directory, 'file'));
    await expect(saving).rejects.toMatchObject({ code: 'file.damaged' });
    expect(readdirSync(directory)).toEqual([]);
  },
);

test('the end of a file is given out after its padding, and the digest, are known to be right', async () => {
  const size = 400_000;
  const lengths = { size, padded: size + 50_000, ciphertext: encryptedFileLength(size + 50_000) };
  const plaintext = new Uint8Array(lengths.padded);
  plaintext.set(nodeProvider.randomBytes(10), size - 10);
  const sealed = encryptFile(nodeProvider, secret, plaintext);
  const digest = nodeProvider.sha256(sealed);
  const read = async (bytes: Uint8Array) => {
    const reader = async function* () {
      for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
    };
    let length = 0;
    let error: unknown;
    try {
      const file = { secret, lengths, digest };
      for await (const piece of openWhole(nodeProvider, reader, file)) length += piece.length;
    } catch (thrown) {
      error = thrown;
    }
    return { length, error };
  };
  expect(await read(sealed)).toEqual({ length: size, error: undefined });
  plaintext[size + 40_000] = 1;
  const unpadded = encryptFile(nodeProvider, secret, plaintext);
  for (const bad of [sealed.with(-1, sealed.at(-1)! ^ 1), unpadded]) {
    const { length, error } = await read(bad);
    expect(length).toBeLessThan(size);
    expect(error).toMatchObject({ code: 'file.damaged' });
  }
});

test('a file that lies elsewhere is fetched there, and that place learns no token', async () => {
  const { url, seen } = await serve((bytes) => bytes);
  platform.files.show = () => new URL('/blob?signature=x', url);
  const opened = await alice.openFile(message);
  expect(await opened.read({ start: 50_000, end: 50_010 })).toEqual(data.slice(50_000, 50_010));
  expect(await new Response(opened.stream).bytes()).toEqual(data);
  expect(seen.length).toBeGreaterThan(2);
  for (const headers of seen) {
    expect(headers).not.toHaveProperty('authorization');
    expect(headers).not.toHaveProperty('dpop');
    expect(headers).not.toHaveProperty('cookie');
  }
});

test('a platform with TLS names no place without it, and none in another scheme', async () => {
  const fetch = vi.fn();
  const asked = {
    ...{ fetch, target: new URL('https://chat.example.org/api/v1/files/1'), headers: {} },
    ...{ signal: new AbortController().signal, status: 200 },
  };
  for (const location of ['http://blobs.example.org/1', 'file:///etc/passwd', 'data:,a', '']) {
    const answer = new Response(null, { status: 307, headers: { location } });
    const { href } = URL.parse(location, asked.target)!;
    if (href.startsWith('https:')) continue;
    const followed = followRedirect(answer, asked);
    await expect(followed).rejects.toMatchObject({ code: 'answer.invalid' });
  }
  expect(fetch).not.toHaveBeenCalled();
});

test('another file in its place is known before a byte of it comes', async () => {
  if (message.content.type !== 'file') return expect.unreachable();
  const { id } = message.content.file;
  platform.files.stored.set(id, foreign);
  await expect(alice.openFile(message)).rejects.toMatchObject({ code: 'file.damaged' });
  platform.files.stored.set(id, ciphertext);
  expect(platform.calls).not.toContain('downloadFile');
});

test('a file is saved under its name once all of it is right, and what was there stays until then', async () => {
  const path = join(directory, 'plan.txt');
  writeFileSync(path, 'before');
  platform.files.show = lies['with a bit changed in its padding']!;
  await expect(saveFile(await alice.openFile(message), path)).rejects.toMatchObject({
    code: 'file.damaged',
  });
  expect(readFileSync(path, 'utf8')).toBe('before');
  platform.files.show = (bytes) => bytes;
  const progress: number[] = [];
  await saveFile(await alice.openFile(message), path, {
    onProgress: ({ done }) => progress.push(done),
  });
  expect(new Uint8Array(readFileSync(path))).toEqual(data);
  expect(readdirSync(directory)).toEqual(['plan.txt']);
  expect([progress[0], progress.at(-1)]).toEqual([0, data.length]);
});

test('what a killed process has left of a save goes with a later one, and what is under way stays', async () => {
  const [old, young] = ['.sotto-0123456789abcdef.part', '.sotto-fedcba9876543210.part'];
  for (const name of [old, young]) writeFileSync(join(directory, name), 'a part');
  const twoHoursAgo = new Date(Date.now() - 2 * 3_600_000);
  utimesSync(join(directory, old), twoHoursAgo, twoHoursAgo);
  await saveFile(await alice.openFile(message), join(directory, 'plan.txt'));
  expect(readdirSync(directory).sort()).toEqual([young, 'plan.txt']);
});

test('what cannot be removed there keeps no file from being saved, nor another leftover from going', async () => {
  const [foreign, ours] = ['.sotto-0123456789abcdef.part', '.sotto-fedcba9876543210.part'];
  // A folder is as little to be removed as a file of somebody else, also for root.
  mkdirSync(join(directory, foreign));
  writeFileSync(join(directory, ours), 'a part');
  const twoHoursAgo = new Date(Date.now() - 2 * 3_600_000);
  for (const name of [foreign, ours]) utimesSync(join(directory, name), twoHoursAgo, twoHoursAgo);
  await saveFile(await alice.openFile(message), join(directory, 'plan.txt'));
  expect(readdirSync(directory).sort()).toEqual([foreign, 'plan.txt']);
});

/** What comes out before the error is a beginning of the file, and never all of it. */
async function expectNoFile(): Promise<void> {
  const opened = await alice.openFile(message);
  const pieces: Uint8Array[] = [];
  const reading = (async () => {
    for await (const piece of opened.stream) pieces.push(piece);
  })();
  await expect(reading).rejects.toMatchObject({ code: 'file.damaged' });
  const got = Buffer.concat(pieces);
  expect(got.length).toBeLessThan(data.length);
  expect(got.equals(data.subarray(0, got.length))).toBe(true);
  const path = join(directory, 'file');
  const saving = saveFile(await alice.openFile(message), path);
  await expect(saving).rejects.toMatchObject({ code: 'file.damaged' });
  expect(readdirSync(directory)).toEqual([]);
}

/** A server that has the file, as far as it wants to. */
async function serve(show: (bytes: Uint8Array) => Uint8Array) {
  const seen: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers);
    const { bytes, status } = partOf(show(ciphertext), request.headers.range);
    response.writeHead(status).end(bytes);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}
