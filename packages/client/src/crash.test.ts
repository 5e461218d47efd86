import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { nodeProvider } from '@sotto/crypto/node';
import { expect, test, vi } from 'vitest';
import { createClient } from './client.ts';
import { type Platform, startPlatform } from './platform/platform.fixture.ts';
import { openMemoryStore } from './store/store-memory.ts';
import { openSqliteStore } from './store/store-sqlite.ts';

const PROGRAM = fileURLToPath(new URL('crash-program.fixture.ts', import.meta.url));
const MESSAGES = 150;
const WAIT_MS = 15_000;

test('a client killed again and again sends and shows everything once and in order', {
  timeout: 180_000,
}, async () => {
  const platform = await startPlatform();
  const directory = mkdtempSync(join(tmpdir(), 'sotto-crash-'));
  const path = join(directory, 'bob.db');
  const alice = createClient({
    url: platform.url,
    store: openMemoryStore(),
    provider: nodeProvider,
  });
  const read: string[] = [];
  const unreadable: string[] = [];
  const failed = vi.fn();
  alice.on('message', ({ content }) => read.push(content.type === 'text' ? content.text : ''));
  alice.on('unreadable', ({ cause }) => unreadable.push(cause));
  alice.on('failed', failed);
  try {
    await alice.register({ username: 'alice', password: 'Secret!23' });
    await alice.connect();
    const first = start(platform.url, path, 0);
    await vi.waitFor(() => expect(platform.devices[1]?.bundle.signedPrekey).toBeDefined(), WAIT_MS);
    const conversation = await alice.openDirect(platform.devices[1]!.user);
    await alice.sendText(conversation.id, 'the first');
    await once(first, 'exit');

    const writing = writeSlowly((text) => alice.sendText(conversation.id, text));
    let kills = 0;
    for (;;) {
      const child = start(platform.url, path, MESSAGES);
      const exited = once(child, 'exit');
      await Promise.race([exited, someSends(platform, child)]);
      await sleep(Math.random() * 10);
      child.kill('SIGKILL');
      const [code] = await exited;
      if (code === 0) break;
      expect(code, 'the program failed by itself').toBeNull();
      kills += 1;
    }
    await writing;
    // On a busy machine a life gets more done before it is ended.
    expect(kills).toBeGreaterThan(1);
    await vi.waitFor(() => expect(read.length).toBeGreaterThanOrEqual(MESSAGES), WAIT_MS);
    const numbers = Array.from({ length: MESSAGES }, (_, index) => `${index}`);
    expect(read).toEqual(numbers);
    expect(unreadable).toEqual([]);
    expect(failed).not.toHaveBeenCalled();
    expect(await historyOf(path)).toEqual(['the first', ...numbers]);
  } finally {
    await alice.close();
    await platform.close();
    rmSync(directory, { recursive: true });
  }

  /** Each life gets something done, however slow the machine is; where it ends is left to chance. */
  async function someSends({ rooms }: Platform, by: ChildProcess): Promise<void> {
    const sent = () => rooms[0]!.messages.filter(({ from }) => from.username === 'bob').length;
    const goal = sent() + 1 + Math.floor(Math.random() * 15);
    while (sent() < goal && by.exitCode === null && by.signalCode === null) await sleep(1);
  }

  async function writeSlowly(write: (text: string) => Promise<unknown>): Promise<void> {
    for (let number = 0; number < MESSAGES; number++) {
      await write(`${number}`);
      await sleep(10);
    }
  }

  async function historyOf(store: string): Promise<string[]> {
    const bob = createClient({ url: platform.url, store: openSqliteStore(store) });
    const [conversation] = await bob.conversations();
    const items = await bob.history(conversation!.id, { limit: 10_000 });
    await bob.close();
    return items.flatMap((item) => {
      if (item.type === 'unreadable') return [`unreadable: ${item.cause}`];
      if (item.type !== 'message' || item.own) return [];
      return item.content.type !== 'text' ? [] : [item.content.text];
    });
  }
});

function start(url: string, path: string, count: number): ChildProcess {
  const expected = count === 0 ? 0 : count + 1;
  const numbers = [count, expected].map(String);
  return spawn(process.execPath, [PROGRAM, url, path, ...numbers], { stdio: 'inherit' });
}
