/**
 * A SQLite store as an earlier release has left it, opened by this one. The file was written by the SDK of commit f281168,
 * before files and records had versions to be taken further from: Alice has said hello to Bob and heard of him, one message
 * of hers was refused, and one had not left yet.
 */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Client, createClient } from '../client.ts';
import { openSqliteStore } from './store-sqlite.ts';

const FILE = fileURLToPath(new URL('earlier-store.fixture.bin', import.meta.url));

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sotto-earlier-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

test('a store of an earlier release has what was said, what was refused, and what is still to be sent and given', async () => {
  const path = join(directory, 'alice.sqlite');
  copyFileSync(FILE, path);
  // The second time it is one of this release.
  for (let opened = 0; opened < 2; opened++) {
    const client = createClient({
      ...{ url: 'http://127.0.0.1:1', store: openSqliteStore(path), provider: nodeProvider },
    });
    await expectAll(client);
    await client.close();
  }
});

async function expectAll(client: Client): Promise<void> {
  expect(await client.me()).toMatchObject({ username: 'alice' });
  const [conversation] = await client.conversations();
  const { id, kind } = conversation ?? expect.fail('it knows no conversation');
  expect(kind).toBe('direct');
  const lines = await client.lines(id);
  expect(lines.map(({ body, status }) => [body.type === 'text' && body.text, status])).toEqual([
    ['hello', 'stored'],
    ['hello yourself', 'received'],
    ['nobody took this', 'failed'],
    ['not sent yet', 'waiting'],
  ]);
  expect((await client.unsent(id)).map(({ content }) => content)).toEqual([
    { type: 'text', text: 'not sent yet' },
  ]);
  for await (const { content } of client.messages()) {
    expect(content).toEqual({ type: 'text', text: 'hello yourself' });
    break;
  }
}
