/** Files through a client, over a platform that breaks off. What a platform that lies achieves is in `file-lies.test.ts`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiError, MessageId } from '@sotto/api';
import { encryptFile } from '@sotto/crypto/files';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Client, createClient } from '../client.ts';
import type { ConversationRecord } from '../messages/conversation-record.ts';
import type { Message } from '../messages/history-item.ts';
import { type Platform, startPlatform } from '../platform/platform.fixture.ts';
import type { Failure } from '../platform/platform-operations.fixture.ts';
import { keys } from '../store/key-space.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { openSqliteStore } from '../store/store-sqlite.ts';
import type { FileInput } from './file-input.ts';

const WAIT_MS = 30_000;
const PIECE = 5 * 1024 * 1024;
/** Two pieces. */
const LONG = PIECE + 500_000;

let platform: Platform;
let clients: Client[];
let directory: string;
let conversation: ConversationRecord;
let alice: Client;
let bob: Client;

beforeEach(async () => {
  platform = await startPlatform();
  clients = [];
  directory = mkdtempSync(join(tmpdir(), 'sotto-files-'));
  alice = open('alice');
  bob = createClient({ url: platform.url, store: openMemoryStore(), provider: nodeProvider });
  clients.push(bob);
  for (const [client, username] of [[alice, 'alice'] as const, [bob, 'bob'] as const]) {
    await client.register({ username, password: 'Secret!23' });
    await client.connect();
  }
  conversation = await alice.openDirect((await bob.me())!.user);
});
afterEach(async () => {
  for (const client of clients) await client.close();
  await platform.close();
  rmSync(directory, { recursive: true });
});

test('a long file goes up in pieces, arrives as it was, and its progress is told', async () => {
  const data = random(LONG);
  const progress: number[] = [];
  const total = new Set<number>();
  await alice.sendFile(conversation.id, fileOf(data), {
    onProgress(step) {
      progress.push(step.done);
      total.add(step.total);
    },
  });
  const opened = await bob.openFile(await received());
  expect(opened).toMatchObject({ name: 'film.mp4', type: 'video/mp4', size: data.length });
  expect(Buffer.compare(await new Response(opened.stream).bytes(), data)).toBe(0);
  const [stored] = platform.files.stored.values();
  expect([...total]).toEqual([stored?.length]);
  expect(progress).toEqual([0, PIECE, stored?.length]);
  expect(stored?.length).toBeLessThanOrEqual(data.length * 1.051);
  expect(await uploadRecords()).toEqual([]);
});

test('a short file arrives as it was, and the platform learns only its size class', async () => {
  const data = random(100_000);
  await alice.sendFile(conversation.id, fileOf(data));
  const opened = await bob.openFile(await received());
  expect(opened).toMatchObject({ name: 'film.mp4', size: data.length });
  expect(await new Response(opened.stream).bytes()).toEqual(data);
  const [stored] = platform.files.stored.values();
  expect(stored?.length).toBeGreaterThan(data.length);
  expect(stored?.length).toBeLessThanOrEqual(data.length * 1.051);
});

test('a file that is asked for again under the id of its message does not go up again', async () => {
  const id = MessageId.parse('0193f000-0000-7000-8000-000000000001');
  const file = fileOf(random(1_000));
  const sent = await alice.sendFile(conversation.id, file, { id });
  for (const _ of ['waiting', 'stored']) {
    expect(await alice.sendFile(conversation.id, file, { id, isAgain: true })).toEqual(sent);
    expect(platform.files.stored.size).toBe(1);
    await alice.whenStored(id);
  }
});

test.each(['cut', 'unanswered'] as const)(
  'what breaks off goes on from where it was: %s',
  async (kind) => {
    const data = random(LONG);
    const failures = new Set([1, 2, 5]);
    let calls = 0;
    fail('continueUpload', () => (failures.has(++calls) ? kind : undefined));
    await alice.sendFile(conversation.id, fileOf(data));
    await expectBytes(await received(), data);
    expect(platform.files.stored.size).toBe(1);
  },
);

test('a stream of which a piece is lost goes on too, and one of another length is refused', async () => {
  const data = random(LONG);
  const once = [undefined, 'cut'] as const;
  let calls = 0;
  fail('continueUpload', () => once[calls++]);
  const stream = () => new Blob([data]).stream();
  const file = { name: 'film.mp4', type: 'video/mp4' };
  await alice.sendFile(conversation.id, { ...file, data: { stream: stream(), size: LONG } });
  await expectBytes(await received(), data);
  for (const size of [LONG - 1, LONG + 1]) {
    const sent = alice.sendFile(conversation.id, { ...file, data: { stream: stream(), size } });
    await expect(sent).rejects.toMatchObject({ code: 'file.size' });
  }
  expect([...platform.files.begun.keys()]).toEqual([]);
  expect(platform.files.stored.size).toBe(1);
});

test('after a crash the same file goes on, and nothing is sent twice', async () => {
  const data = random(LONG);
  await crashAt(2, fileOf(data));
  const [[id, upload] = expect.fail()] = platform.files.begun;
  expect(upload.bytes).toHaveLength(PIECE);
  alice = await comeBack();
  platform.calls.length = 0;
  await alice.sendFile(conversation.id, fileOf(data));
  expect(platform.calls).not.toContain('createUpload');
  expect(platform.calls.filter((call) => call === 'continueUpload')).toHaveLength(1);
  expect([...platform.files.stored.keys()]).toEqual([id]);
  await expectBytes(await received(), data);
  expect(await uploadRecords()).toEqual([]);
});

test('after a crash between the upload and the message nothing is uploaded again', async () => {
  const data = random(LONG);
  fail('grantFile', () => 'cut');
  const sent = alice.sendFile(conversation.id, fileOf(data)).catch((error) => error);
  await vi.waitFor(() => expect(platform.files.stored.size).toBe(1), WAIT_MS);
  await alice.close();
  expect(await sent).toMatchObject({ code: 'client.closed' });
  platform.failCall = () => undefined;
  alice = await comeBack();
  platform.calls.length = 0;
  await alice.sendFile(conversation.id, fileOf(data));
  expect(platform.calls).not.toContain('continueUpload');
  await expectBytes(await received(), data);
});

test('another file that looks the same is never encrypted under the same key', async () => {
  const data = random(LONG);
  await crashAt(2, fileOf(data));
  const [before] = [...platform.files.begun.values()].map(({ bytes }) => bytes.slice(0, 56));
  alice = await comeBack();
  const other = data.slice();
  other[100] = (other[100] ?? 0) ^ 1;
  await alice.sendFile(conversation.id, fileOf(other));
  await expectBytes(await received(), other);
  const [after, ...more] = platform.files.stored.values();
  expect(after?.slice(0, 56)).not.toEqual(before);
  expect(more).toEqual([]);
  expect(platform.files.begun.size).toBe(0);
});

test('nor is a piece that may have left the device and has not arrived', async () => {
  const data = random(LONG);
  await crashAt(2, fileOf(data));
  const [before] = [...platform.files.begun.values()].map(({ bytes }) => bytes.slice(0, 56));
  alice = await comeBack();
  const other = data.slice();
  other[PIECE + 100_000] = (other[PIECE + 100_000] ?? 0) ^ 1;
  await alice.sendFile(conversation.id, fileOf(other));
  const [after] = platform.files.stored.values();
  expect(after?.slice(0, 56)).not.toEqual(before);
  await expectBytes(await received(), other);
});

test('what has not left the device may still change', async () => {
  const data = random(2 * PIECE);
  await crashAt(1, fileOf(data));
  const [id] = platform.files.begun.keys();
  alice = await comeBack();
  const other = data.slice();
  other[PIECE + 100_000] = (other[PIECE + 100_000] ?? 0) ^ 1;
  await alice.sendFile(conversation.id, fileOf(other));
  expect([...platform.files.stored.keys()]).toEqual([id]);
  await expectBytes(await received(), other);
});

test('who gives a file up is told their reason, and nothing of it stays', async () => {
  const giving = new AbortController();
  const options = {
    signal: giving.signal,
    onProgress: ({ done }: { done: number }) => done > 0 && giving.abort(),
  };
  const sent = alice.sendFile(conversation.id, fileOf(random(LONG)), options);
  await expect(sent).rejects.toMatchObject({ name: 'AbortError' });
  expect(platform.files.begun.size + platform.files.stored.size).toBe(0);
  expect(await uploadRecords()).toEqual([]);
  const reason = new Error('enough');
  const signal = AbortSignal.abort(reason);
  const small = alice.sendFile(conversation.id, fileOf(random(10)), { signal });
  await expect(small).rejects.toBe(reason);
  expect(platform.files.stored.size).toBe(0);
});

test('who gives a file up while it is made ready to go on is heard then, and nothing of it stays', async () => {
  const data = random(LONG);
  await crashAt(2, fileOf(data));
  alice = await comeBack();
  const giving = new AbortController();
  fail('findUpload', () => {
    giving.abort();
    return undefined;
  });
  platform.calls.length = 0;
  const sent = alice.sendFile(conversation.id, fileOf(data), { signal: giving.signal });
  await expect(sent).rejects.toMatchObject({ name: 'AbortError' });
  expect(platform.calls).not.toContain('continueUpload');
  expect(platform.files.begun.size + platform.files.stored.size).toBe(0);
  expect(await uploadRecords()).toEqual([]);
});

test('what was only interrupted goes on when the same file is sent again', async () => {
  const data = random(LONG);
  const pause = new AbortController();
  const sent = alice.sendFile(conversation.id, fileOf(data), {
    signal: pause.signal,
    pausable: true,
    onProgress: ({ done }) => done > 0 && pause.abort(),
  });
  await expect(sent).rejects.toMatchObject({ name: 'AbortError' });
  const [id] = platform.files.begun.keys();
  platform.calls.length = 0;
  await alice.sendFile(conversation.id, fileOf(data), { pausable: true });
  expect(platform.calls).not.toContain('createUpload');
  expect([...platform.files.stored.keys()]).toEqual([id]);
  await expectBytes(await received(), data);
});

test('a platform that has stored other bytes is told from one that has stored these', async () => {
  for (const size of [100, LONG]) {
    fail('grantFile', () => expect.unreachable());
    const stored = platform.files.stored;
    const set = vi.spyOn(stored, 'set').mockImplementation((id, bytes) => {
      bytes[60] = (bytes[60] ?? 0) ^ 1;
      return Map.prototype.set.call(stored, id, bytes);
    });
    const sent = alice.sendFile(conversation.id, fileOf(random(size)));
    await expect(sent).rejects.toMatchObject({ code: 'file.damaged' });
    set.mockRestore();
  }
});

test('an upload that the platform has lost on the way begins anew', async () => {
  const data = random(LONG);
  let calls = 0;
  fail('continueUpload', () => {
    if (++calls === 2) platform.files.begun.clear();
    return undefined;
  });
  await alice.sendFile(conversation.id, fileOf(data));
  await expectBytes(await received(), data);
});

test('a refusal for good ends it at once, with what is left', async () => {
  const refusal = new ApiError('file.quota', { bytesLeft: 7 });
  fail('createUpload', () => refusal);
  const sent = alice.sendFile(conversation.id, fileOf(random(LONG)));
  await expect(sent).rejects.toMatchObject({ code: 'file.quota', options: { bytesLeft: 7 } });
  expect(platform.calls.filter((call) => call === 'createUpload')).toHaveLength(1);
});

test('any part of a file is read as it is, and what breaks off on the way is fetched from there', async () => {
  const data = random(200_000);
  await alice.sendFile(conversation.id, fileOf(data));
  const message = await received();
  const opened = await bob.openFile(message);
  for (const [start, end] of [
    [0, 200_000],
    [16_383, 16_385],
    [199_999, 200_000],
    [7, 7],
  ] as const)
    expect(await opened.read({ start, end })).toEqual(data.slice(start, end));
  for (const [start, end] of [
    [-1, 1],
    [2, 1],
    [0, 200_001],
    [0.5, 1],
  ] as const)
    await expect(opened.read({ start, end })).rejects.toBeInstanceOf(RangeError);
  platform.files.breaksAfter = 90_000;
  await expectBytes(message, data);
});

test('opening fetches nothing of the file, and who gives it up is told their reason', async () => {
  await alice.sendFile(conversation.id, fileOf(random(LONG)));
  const message = await received();
  const giving = new AbortController();
  const opened = await bob.openFile(message, { signal: giving.signal });
  expect(platform.calls).not.toContain('downloadFile');
  const reader = opened.stream.getReader();
  await reader.read();
  giving.abort();
  const rest = async () => {
    while (!(await reader.read()).done);
  };
  await expect(rest()).rejects.toMatchObject({ name: 'AbortError' });
  await expect(opened.read({ start: 0, end: 1 })).rejects.toMatchObject({ name: 'AbortError' });
});

test('a thumbnail comes with the message, and a file without one has none', async () => {
  const thumbnail = { type: 'image/webp', bytes: random(8_000) };
  await alice.sendFile(conversation.id, { ...fileOf(random(10)), thumbnail });
  expect((await bob.openFile(await received())).thumbnail).toEqual(thumbnail);
  const large = { ...fileOf(random(10)), thumbnail: { ...thumbnail, bytes: random(8_193) } };
  const sent = alice.sendFile(conversation.id, large);
  await expect(sent).rejects.toMatchObject({ code: 'content.invalid' });
});

test('a file of an early message, which names no digest, opens', async () => {
  const data = random(100_000);
  const padded = new Uint8Array(100_352);
  padded.set(data);
  await alice.sendFile(conversation.id, fileOf(data));
  const message = await received();
  if (message.content.type !== 'file') return expect.unreachable();
  const { digest: _, ...file } = message.content.file;
  const secret = { key: file.key, context: new Uint8Array() };
  platform.files.stored.set(file.id, encryptFile(nodeProvider, secret, padded));
  const early: Message = { ...message, content: { type: 'file', file } };
  const opened = await bob.openFile(early);
  expect(await opened.read({ start: 99_000, end: 100_000 })).toEqual(data.slice(99_000));
  expect(await new Response(opened.stream).bytes()).toEqual(data);
});

function open(name: string): Client {
  const store = openSqliteStore(join(directory, `${name}.db`));
  const client = createClient({ url: platform.url, store, provider: nodeProvider });
  clients.push(client);
  return client;
}

async function comeBack(): Promise<Client> {
  const client = open('alice');
  await client.connect();
  return client;
}

/** Sends a file until the platform gets the piece of this number, and ends the client then. */
async function crashAt(piece: number, file: FileInput): Promise<void> {
  let calls = 0;
  fail('continueUpload', () => (++calls >= piece ? 'cut' : undefined));
  const sent = alice.sendFile(conversation.id, file).catch((error) => error);
  await vi.waitFor(() => expect(calls).toBeGreaterThanOrEqual(piece), WAIT_MS);
  await alice.close();
  expect(await sent).toMatchObject({ code: 'client.closed' });
  platform.failCall = () => undefined;
}

function fail(operation: string, failure: () => Failure | undefined): void {
  platform.failCall = (called) => (called === operation ? failure() : undefined);
}

async function received(): Promise<Message> {
  return vi.waitFor(async () => {
    const history = await bob.history(conversation.id);
    const found = history.findLast((item) => item.type === 'message');
    return found ?? expect.fail('nothing has come');
  }, WAIT_MS);
}

async function expectBytes(message: Message, data: Uint8Array): Promise<void> {
  const { stream } = await bob.openFile(message);
  expect(Buffer.compare(await new Response(stream).bytes(), data)).toBe(0);
}

/** Of the store of Alice, who is logged off for it. */
async function uploadRecords(): Promise<string[]> {
  await alice.close();
  const store = openSqliteStore(join(directory, 'alice.db'));
  const range = { prefix: keys.fileUploads, limit: 10 };
  const found = await store.transaction((transaction) => transaction.list(range));
  await store.close();
  return found.map(({ key }) => key);
}

function fileOf(data: Uint8Array<ArrayBuffer>): FileInput {
  const options = { lastModified: 1_700_000_000_000 };
  return { name: 'film.mp4', type: 'video/mp4', data: new File([data], 'film.mp4', options) };
}

function random(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(nodeProvider.randomBytes(length));
}
