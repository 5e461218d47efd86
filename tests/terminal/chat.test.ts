/** Two people chat in two terminals, and with somebody who has another program. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient, openMemoryStore } from '@sotto/client';
import { nodeProvider } from '@sotto/crypto/node';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { NO_LIMITS, type Standalone, startStandalone } from '../cluster.ts';
import { registerIn, TerminalWindow, type WindowOptions } from './terminal-window.ts';

const PASSWORD = 'Correct-Horse-7';
const TEST_MS = 180_000;

let platform: Standalone;
let directory: string;
let count = 0;
const windows: TerminalWindow[] = [];
const clients: Client[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sotto-terminal-'));
  platform = await startStandalone({ environment: { ...NO_LIMITS } });
});
afterEach(async () => {
  for (const window of windows.splice(0)) window.close();
  await Promise.all(clients.splice(0).map((client) => client.close()));
});
afterAll(async () => {
  await platform?.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('the terminal client', { timeout: TEST_MS }, () => {
  test('two strangers register, meet, write, see ticks rise, answer, react and edit', async () => {
    const [alice, bob] = await Promise.all([enter('Alice'), enter('Bobby')]);
    expect(alice.screen()).not.toContain(PASSWORD);
    await alice.say('/new Bobby');
    await alice.sees('Nothing was said here yet');
    await alice.say('good morning');
    await alice.sees('you: good morning ✓');

    await bob.sees('request');
    bob.press('Enter');
    await bob.sees('Alice: good morning');
    await bob.say('/accept');
    await alice.sees('good morning ✓✓ read');
    await bob.say('/reply and to you');
    await alice.sees('┃ you: good morning');
    await alice.say('/react 👍');
    await bob.sees('👍 Alice');
    await bob.say('/edit and to both of you');
    await alice.sees('and to both of you (edited)');
    bob.type('hm');
    await alice.sees('typing…');
    bob.press('C-c');
    await bob.say('/delete');
    await alice.sees('deleted');

    await alice.say('/verify');
    await alice.sees('Safety number');
    const number = /\d{5} \d{5} \d{5} \d{5}/.exec(alice.screen())?.[0] ?? 'no digits';
    await bob.say('/verify');
    await bob.sees(number);
  });

  test('a group of three takes a file in, and somebody who is removed reads no more', async () => {
    const [dora, emil] = await Promise.all([enter('Dora'), enter('Emil')]);
    const frida = await openClient('Frida');
    await dora.say('/group "Choir on Tuesday" Emil Frida');
    await dora.sees('#Choir on Tuesday');
    await dora.say('at eight');
    await emil.sees('request');
    emil.press('Enter');
    await emil.sees('Dora: at eight');
    await emil.say('/accept');

    const content = Buffer.from(Array.from({ length: 400_000 }, (_, index) => index % 251));
    writeFileSync(join(directory, 'score.bin'), content);
    await dora.say('/file score.bin');
    await emil.sees('[file] score.bin, 400.0 kB');
    await emil.say('/save kept.bin');
    await emil.sees('Saved as');
    expect(readFileSync(join(directory, 'kept.bin')).equals(content)).toBe(true);

    await dora.say('/remove Emil');
    await emil.sees('Dora removed you');
    await dora.say('only the two of us');
    await dora.sees('only the two of us ✓');
    await emil.say('hello?');
    await emil.sees('you are not in this group any more');
    expect(emil.screen()).not.toContain('only the two of us');
    await expect.poll(() => textsOf(frida), { timeout: 30_000 }).toContain('only the two of us');
  });

  test('it can be made larger and smaller, scrolls, and finds what was said', async () => {
    const gerd = await enter('Gerd');
    const hanna = await openClient('Hanna');
    await gerd.say('/new Hanna');
    await gerd.say('begin');
    await gerd.sees('begin ✓');
    const conversation = await expect
      .poll(async () => (await hanna.conversations())[0]?.id, { timeout: 30_000 })
      .toBeDefined()
      .then(async () => (await hanna.conversations())[0]?.id ?? expect.fail('no conversation'));
    for (let index = 1; index <= 70; index += 1) {
      await hanna.sendText(conversation, `message ${index} ${index === 7 ? 'needle' : ''}`.trim());
    }
    await gerd.sees('message 70');
    expect(gerd.screen()).not.toContain('message 40');
    for (let page = 0; page < 6; page += 1) gerd.press('PPage');
    await gerd.sees('message 2');
    await gerd.sees('↓');
    gerd.press('Escape');
    await gerd.sees('message 70');

    gerd.resize(40, 12);
    await gerd.until((screen) => rowsOf(screen).every((row) => row.length <= 40), '40 columns');
    await gerd.sees('message 70');
    expect(rowsOf(gerd.screen()).length).toBeLessThanOrEqual(12);
    gerd.resize(120, 40);
    await gerd.sees('message 40');
    await gerd.say('/search NEEDLE');
    await gerd.sees('message 7 needle');
    gerd.resize(20, 5);
    await gerd.sees('Make this window');
    gerd.resize(80, 24);
    await gerd.sees('message 7 needle');
  });

  test('a program that is killed has lost nothing when it comes back, and what waits leaves', async () => {
    const [ivan, jana] = await Promise.all([enter('Ivan'), enter('Jana')]);
    await ivan.say('/new Jana');
    await ivan.say('before');
    await jana.sees('request');
    jana.press('Enter');
    await jana.sees('Ivan: before');
    await jana.say('/accept');
    await ivan.sees('before ✓✓ read');

    await ivan.say('just in time');
    ivan.kill();
    ivan.close();
    windows.splice(windows.indexOf(ivan), 1);
    const again = await open('Ivan', { name: 'ivan-again' });
    await again.sees('● connected');
    again.press('Enter');
    await again.sees('you: before');
    await again.until((screen) => /just in time ✓/.test(screen), 'the tick of what was on its way');
    await jana.sees('Ivan: just in time');
    expect(jana.screen().split('just in time').length - 1).toBe(2); // In the list, and in the chat.
  });

  test('without a connection it says so, and what is written meanwhile leaves later', async () => {
    const kurt = await enter('Kurt');
    const lisa = await openClient('Lisa');
    await kurt.say('/new Lisa');
    await kurt.say('first');
    await kurt.sees('first ✓');
    const { dataDirectory, close } = platform;
    await platform.kill();
    await kurt.sees('◌');
    await kurt.say('into the dark');
    await kurt.sees('into the dark …');
    const environment = { ...NO_LIMITS, SERVER_PORT: new URL(platform.url).port };
    platform = { ...(await startStandalone({ dataDirectory, environment })), close };
    await kurt.sees('into the dark ✓');
    await expect.poll(() => textsOf(lisa), { timeout: 30_000 }).toContain('into the dark');
  });

  test('a second terminal of one account follows the first, and goes on when that ends', async () => {
    const first = await enter('Nora');
    const otto = await openClient('Otto');
    await first.say('/new Otto');
    await first.say('from the first');
    const second = await open('Nora', { name: 'nora-second' });
    await second.sees('● connected');
    second.press('Enter');
    await second.sees('you: from the first');
    await second.say('from the second');
    await first.sees('you: from the second ✓');
    first.press('C-c');
    first.press('C-c');
    await first.until((screen) => !screen.includes('connected'), 'the shell again');
    await second.say('still here');
    await second.sees('still here ✓');
    await expect.poll(() => textsOf(otto), { timeout: 30_000 }).toContain('still here');
  });

  test('colours can be left out, and it ends by Ctrl+C twice', async () => {
    const environment = { NO_COLOR: '1' };
    const mona = await enter('Mona', { environment });
    await mona.say('/help');
    await mona.sees('/group TITLE NAME…');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is looked for
    expect(mona.written()).not.toMatch(/\u001b\[[\d;]*[1-9][\d;]*m/);
    mona.press('Escape');
    mona.press('C-c');
    await mona.sees('Ctrl+C again ends');
    mona.press('C-c');
    await mona.until((screen) => !screen.includes('connected'), 'the shell again');
  });
});

/** A window of somebody who has just registered. */
async function enter(username: string, options: Partial<WindowOptions> = {}) {
  const window = await open(username, options);
  await registerIn(window, { username, password: PASSWORD });
  return window;
}

async function open(username: string, options: Partial<WindowOptions> = {}) {
  count += 1;
  const data = join(directory, `data-${username}`);
  const words = ['--data', data, '--url', platform.url];
  const window = await TerminalWindow.open({ directory, name: `${count}`, words, ...options });
  windows.push(window);
  return window;
}

async function openClient(username: string): Promise<Client> {
  const store = openMemoryStore();
  const client = createClient({ url: platform.url, store, provider: nodeProvider });
  clients.push(client);
  await client.register({ username, password: PASSWORD });
  await client.connect();
  return client;
}

async function textsOf(client: Client): Promise<string[]> {
  const conversations = await client.conversations();
  const histories = await Promise.all(conversations.map(({ id }) => client.history(id)));
  return histories
    .flat()
    .flatMap((item) =>
      item.type === 'message' && item.content.type === 'text' ? [item.content.text] : [],
    );
}

function rowsOf(screen: string): string[] {
  return screen.replace(/\n$/, '').split('\n');
}
