/** The program in scripts: what it prints, where, and the codes that it ends with. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundleTerminal } from '../../scripts/terminal.ts';
import { freePort, NO_LIMITS, type Standalone, startStandalone } from '../cluster.ts';

const TEST_MS = 120_000;

let platform: Standalone;
let directory: string;
let entry: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sotto-commands-'));
  writeFileSync(join(directory, 'password'), 'Correct-Horse-7\n');
  entry = await bundleTerminal();
  platform = await startStandalone({ environment: { ...NO_LIMITS } });
  const register = (name: string) => sotto(name, ['register', name, '--password-file', 'password']);
  for (const made of await Promise.all(['alice', 'bobby'].map(register))) {
    expect(made.code, made.error).toBe(0);
    expect(made.output).toMatch(/^([0-9A-Z]{4}-)+[0-9A-Z]{4}\n$/);
  }
}, TEST_MS);
afterAll(async () => {
  await platform?.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('the commands for scripts', { timeout: TEST_MS }, () => {
  test('a text is sent, read as JSON once, and read again when that is asked for', async () => {
    expect(await sotto('alice', ['send', 'bobby', 'hello', 'there'])).toMatchObject({
      code: 0,
      output: '',
    });
    const piped = await sotto('alice', ['send', 'bobby', '--json'], 'two\nlines\n');
    const place = JSON.parse(piped.output);
    expect(place).toEqual({ conversation: expect.any(String), id: expect.any(String), seq: 2 });

    const read = await sotto('bobby', ['read', '--unread', '--json']);
    const messages = linesOf(read.output);
    expect(messages).toMatchObject([
      {
        type: 'message',
        from: 'alice',
        own: false,
        content: { type: 'text', text: 'hello there' },
      },
      { id: place.id, seq: 2, content: { type: 'text', text: 'two\nlines' } },
    ]);
    expect(await sotto('bobby', ['read', '--unread', '--json'])).toMatchObject({
      code: 0,
      output: '',
    });
    const people = await sotto('bobby', ['read', 'alice']);
    expect(people.output).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d {2}alice: hello there\n.* two\n {4}lines\n$/,
    );
    expect((await sotto('bobby', ['read', '--since', '1h', '--json'])).output).toBe(read.output);
    expect((await sotto('bobby', ['read', '--limit', '1', '--json'])).output).toContain('lines');
  });

  test('a file goes over, and is not saved over another one', async () => {
    const content = Buffer.from('not much of a file\n'.repeat(5_000));
    writeFileSync(join(directory, 'page.txt'), content);
    expect((await sotto('alice', ['send-file', 'bobby', 'page.txt'])).code).toBe(0);
    const saved = JSON.parse((await sotto('bobby', ['save', 'alice', '--json'])).output);
    expect(saved).toEqual({ path: join(directory, 'page (2).txt'), size: content.length });
    expect(readFileSync(saved.path).equals(content)).toBe(true);
    const named = await sotto('bobby', ['save', 'alice', '-o', 'kept.txt']);
    expect(named.output).toBe(`${join(directory, 'kept.txt')}\n`);
  });

  test('what is watched comes as it is sent, until it is interrupted', async () => {
    const watching = start('bobby', ['watch', '--json']);
    const seen = collect(watching);
    await sotto('alice', ['send', 'bobby', 'are you there?']);
    await expect.poll(seen, { timeout: 30_000 }).toContain('are you there?');
    watching.kill('SIGTSTP'); // Others would stand still with it.
    // Several programs of one account go on beside each other.
    expect((await sotto('bobby', ['send', 'alice', 'yes, here'])).code).toBe(0);
    expect((await sotto('alice', ['read', '--unread'])).output).toContain('bobby: yes, here');
    expect(await sotto('bobby', ['watch'])).toMatchObject({ code: 69, output: '' });
    const ended = once(watching, 'exit');
    watching.kill('SIGINT');
    expect(await ended).toEqual([130, null]);

    const cut = start('bobby', ['read', '--json']);
    cut.stdout.destroy(); // As `head` does when it has enough.
    expect(await once(cut, 'exit')).toEqual([0, null]);
  });

  test('conversations are listed, accepted and verified, with the same digits on both sides', async () => {
    expect((await sotto('bobby', ['accept', 'alice'])).code).toBe(0);
    const [view] = linesOf((await sotto('bobby', ['list', '--json'])).output);
    expect(view).toMatchObject({ kind: 'direct', name: 'alice', request: false, timer: null });
    const [one, other] = await Promise.all([
      sotto('alice', ['verify', 'bobby']),
      sotto('bobby', ['verify', 'alice']),
    ]);
    expect(one.output.split('\n').slice(0, 3)).toEqual(other.output.split('\n').slice(0, 3));
    expect(one.output).toMatch(/^(\d{5} \d{5} \d{5} \d{5}\n){3}█/);
    const digits = one.output.split('\n').slice(0, 3).join(' ');
    const accept = (shown: string) => sotto('alice', ['verify', 'bobby', '--accept', shown]);
    expect(await accept(digits)).toMatchObject({ code: 0, output: '' });
    expect((await accept(digits.replace(/\d$/, (last) => `${(Number(last) + 1) % 10}`))).code).toBe(
      77,
    );
    expect((await accept('12345')).code).toBe(64);
  });

  test('another device is linked by the code that it prints', async () => {
    const linking = start('second', ['link', '--json', '--url', platform.url]);
    const seen = collect(linking);
    await expect.poll(seen, { timeout: 30_000 }).toContain('\n');
    const { code } = JSON.parse(seen().split('\n')[0] ?? '');
    const ended = once(linking, 'exit');
    expect((await sotto('alice', ['link', code, '--history'])).code).toBe(0);
    expect(await ended).toEqual([0, null]);
    expect((await sotto('second', ['whoami'])).output).toBe(`alice at ${platform.url}\n`);
    expect((await sotto('second', ['read', '--json'])).output).toContain('hello there');
    await sotto('second', ['send', 'bobby', 'from the other device']);
    expect((await sotto('bobby', ['read', '--unread'])).output).toContain('from the other device');
  });

  test('what an account keeps is its owner’s alone, and encrypted with a passphrase', async () => {
    const folder = join(directory, 'data-alice', `alice@localhost_${new URL(platform.url).port}`);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const file of ['store.sqlite', 'account.json']) {
      expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    }
    writeFileSync(join(directory, 'phrase'), 'a rather long passphrase\n');
    const sealed = ['--passphrase-file', 'phrase'];
    const made = await sotto('carla', [
      'register',
      'carla',
      '--password-file',
      'password',
      ...sealed,
    ]);
    expect(made.code, made.error).toBe(0);
    expect((await sotto('carla', ['send', 'bobby', 'a secret', ...sealed])).code).toBe(0);
    writeFileSync(join(directory, 'wrong'), 'another one\n');
    const [without, refused] = await Promise.all([
      sotto('carla', ['list']),
      sotto('carla', ['list', '--passphrase-file', 'wrong']),
    ]);
    expect(without.code).toBe(78);
    expect(refused).toMatchObject({
      code: 78,
      error: 'sotto: the passphrase is not that of this store\n',
    });
  });

  test('each failure is one line on standard error, and a code of sysexits', async () => {
    const port = await freePort();
    const failures: [name: string, words: string[], code: number, error: RegExp][] = [
      ['alice', ['sing'], 64, /no command sing/],
      ['alice', ['send'], 64, /TO/],
      ['alice', ['list', '--unread'], 64, /does not take --unread/],
      ['alice', ['list', '--nonsense'], 64, /--nonsense/],
      ['alice', ['read', '--since', 'whenever'], 64, /--since/],
      ['alice', [], 64, /terminal/],
      ['alice', ['send', 'bobby', ''], 65, /nothing to send/],
      ['alice', ['send-file', 'bobby', 'nowhere.txt'], 66, /nowhere\.txt/],
      ['alice', ['send', 'nobodyhere', 'hi'], 67, /no user nobodyhere/],
      ['alice', ['send', '#nothing', 'hi'], 67, /no group/],
      ['nobody', ['list'], 77, /nobody is logged in/],
      [
        'fresh',
        ['login', 'alice', '--url', platform.url, '--password-file', 'password'],
        77,
        /sotto link/,
      ],
      [
        'newcomer',
        ['register', 'alice', '--url', platform.url, '--password-file', 'password'],
        77,
        /taken/,
      ],
      [
        'fresh',
        ['register', 'frieda', '--url', `http://127.0.0.1:${port}`, '--password-file', 'password'],
        69,
        /cannot be reached/,
      ],
      ['fresh', ['register', 'x', '--password-file', 'password'], 64, /3 to 50/],
    ];
    const seen = failures.map(async ([name, words, code, error]) => {
      const ended = await sotto(name, words);
      expect(ended, words.join(' ')).toMatchObject({ code, output: '' });
      const [line = '', hint = '', rest] = ended.error.split('\n');
      expect(line, words.join(' ')).toMatch(error);
      expect([hint, rest]).toEqual(code === 64 ? ['Try: sotto --help', ''] : ['', undefined]);
    });
    await Promise.all(seen);
  });

  test('after a log-out nothing goes, and the password brings everything back', async () => {
    expect((await sotto('bobby', ['logout'])).code).toBe(0);
    expect(await sotto('bobby', ['send', 'alice', 'hi'])).toMatchObject({ code: 77, output: '' });
    const back = await sotto('bobby', ['login', 'bobby', '--password-file', 'password', '--json']);
    expect(JSON.parse(back.output)).toMatchObject({ username: 'bobby', url: platform.url });
    expect((await sotto('bobby', ['read', 'alice'])).output).toContain('hello there');
  });

  test('a forgotten password is replaced by the recovery code, which is replaced too', async () => {
    const made = await sotto('greta', ['register', 'greta', '--password-file', 'password']);
    expect(made).toMatchObject({ code: 0 });
    writeFileSync(join(directory, 'code'), made.output);
    writeFileSync(join(directory, 'next'), 'Another-Horse-8\n');
    const files = ['--recovery-code-file', 'code', '--password-file', 'next', '--json'];
    const recovered = await sotto('greta', ['recover', 'greta', ...files]);
    expect(recovered).toMatchObject({ code: 0, error: '' });
    const back = JSON.parse(recovered.output);
    expect(back).toMatchObject({ username: 'greta', recoveryCode: expect.any(String) });
    expect(`${back.recoveryCode}\n`).not.toBe(made.output);
    expect((await sotto('greta', ['send', 'bobby', 'here again'])).code).toBe(0);
    expect((await sotto('bobby', ['send', 'greta', 'good to hear'])).code).toBe(0);
    const old = await sotto('greta', ['recover', 'greta', ...files]);
    expect(old).toMatchObject({
      code: 77,
      error: 'sotto: the username or the recovery code is wrong\n',
    });

    const elsewhere = ['recover', 'greta', '--url', platform.url, ...files];
    expect(await sotto('fresh', elsewhere)).toMatchObject({ code: 77, output: '' });
  });

  test('a text for somebody whose keys have changed waits until they were compared', async () => {
    // Somebody with the password and no device is somebody else until a person has compared numbers.
    const anew = ['login', 'greta', '--new-identity', '--url', platform.url];
    await sotto('greta-anew', [...anew, '--password-file', 'next']);
    const kept = await sotto('bobby', ['send', 'greta', 'is it you?', '--timeout', '5']);
    expect(kept).toMatchObject({ code: 77, error: expect.stringContaining('sotto verify') });
    const number = (await sotto('bobby', ['verify', 'greta', '--json'])).output;
    await sotto('bobby', ['verify', 'greta', '--accept', JSON.parse(number).digits]);
    expect((await sotto('bobby', ['send', 'greta', 'welcome'])).code).toBe(0);
    expect((await sotto('greta-anew', ['read'])).output).toMatch(/is it you\?[\s\S]*welcome/);
  });

  test('what a command is the first to hear of is said by all until a person has seen it', async () => {
    await sotto('klara', ['register', 'klara', '--password-file', 'password']);
    await sotto('klara', ['send', 'bobby', 'one']);
    const [data, copy] = [join(directory, 'data-klara'), join(directory, 'copy-klara')];
    cpSync(data, copy, { recursive: true });
    await sotto('klara', ['send', 'bobby', 'two']);
    rmSync(data, { recursive: true });
    renameSync(copy, data);
    const older = 'sotto: this store is older than what the server knows';
    for (const words of [['list'], ['send', 'bobby', 'three']]) {
      const said = await sotto('klara', words);
      expect(said).toMatchObject({ code: 0, error: expect.stringContaining(older) });
      expect(said.error.match(/\n/g)).toHaveLength(1);
    }
  });

  test('help and version go to standard output', async () => {
    expect((await sotto('alice', ['--help'])).output).toMatch(/^Usage: sotto/);
    expect((await sotto('alice', ['send', '--help'])).output).toMatch(/^Usage: sotto send/);
    expect((await sotto('alice', ['--version'])).output).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test('commands load neither Ink nor React', async () => {
    const main = readFileSync(entry, 'utf8');
    const loaded = new Set([main]);
    for (const text of loaded) {
      for (const [, name = ''] of text.matchAll(
        /^import .*?from "\.\/(.*?\.js)";|^import "\.\/(.*?\.js)";/gm,
      )) {
        if (name !== '') loaded.add(readFileSync(join(entry, '..', name), 'utf8'));
      }
    }
    expect([...loaded].some((text) => /node_modules\/\S*\/(ink|react)\//.test(text))).toBe(false);
  });
});

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly error: string;
}

/** One command, of an account in a data directory of its own. */
async function sotto(name: string, words: readonly string[], input = ''): Promise<Ended> {
  const child = start(name, words);
  let [output, error] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    error += text;
  });
  child.stdin.on('error', () => {}); // A command that refuses its words reads nothing.
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  return { code, output, error };
}

function start(name: string, words: readonly string[]): ChildProcessWithoutNullStreams {
  const isEntering = words[0] === 'register' && !words.includes('--url');
  const url = isEntering ? ['--url', platform.url] : [];
  const data = ['--data', join(directory, `data-${name}`)];
  return spawn(process.execPath, [entry, ...words, ...data, ...url], {
    cwd: directory,
    env: { PATH: '/usr/bin:/bin', HOME: directory },
  });
}

function collect(child: ChildProcessWithoutNullStreams): () => string {
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  return () => output;
}

function linesOf(output: string): Record<string, unknown>[] {
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}
