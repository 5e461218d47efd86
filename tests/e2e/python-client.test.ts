/** `examples/python_client.py` runs, and loses nothing: two of them talk through a platform that is killed, as they are. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { freePort, NO_LIMITS, type Standalone, startStandalone } from '../cluster.ts';
import { waitFor } from '../daemon.ts';
import {
  findPython,
  type PythonClient,
  type PythonOptions,
  readLog,
  runPython,
  startPythonClient,
} from '../python.ts';

/** `npm test` says so when there is none. */
const python = findPython(process.env) ?? '';
const TEST_MS = 180_000;
const WAIT_MS = 60_000;

describe.runIf(python !== '')('the client in Python', { timeout: TEST_MS }, () => {
  let directory: string;
  let platform: Standalone;
  let restart: () => Promise<void>;
  let alice: PythonOptions;
  let bob: PythonOptions;
  const started: PythonClient[] = [];

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'sotto-python-'));
    const environment = {
      ...NO_LIMITS,
      // The same port after each start: clients find the platform again by themselves.
      SERVER_PORT: String(await freePort()),
      // Sockets end with it, so they all do in the middle of something.
      JWT_ACCESS_EXPIRY: '4s',
    };
    platform = await startStandalone({ environment });
    const { dataDirectory, close } = platform;
    restart = async () => {
      await platform.kill();
      platform = { ...(await startStandalone({ dataDirectory, environment })), close };
    };
  });
  // Two new people for each test, on one platform.
  let pairs = 0;
  beforeEach(() => {
    pairs += 1;
    const { url } = platform;
    const person = (first: string): PythonOptions => {
      const name = `${first}${pairs}`;
      return { python, url, store: join(directory, `${name}.db`), name };
    };
    alice = person('Alice');
    bob = person('Bob');
  });
  afterEach(async () => {
    for (const client of started.splice(0)) await client.kill();
  });
  afterAll(async () => {
    await platform?.stop();
    await platform?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const start = (options: PythonOptions, peer: string): PythonClient => {
    const client = startPythonClient(options, peer);
    started.push(client);
    return client;
  };
  const meet = async (): Promise<[PythonClient, PythonClient]> => {
    const [a, b] = [start(alice, bob.name), start(bob, alice.name)];
    await Promise.all([a.said(/^- connected$/m), b.said(/^- connected$/m)]);
    return [a, b];
  };
  const received = (options: PythonOptions): string[] =>
    readLog(options).flatMap(({ direction, text }) => (direction === '<' ? [text] : []));
  const receives = (options: PythonOptions, texts: readonly string[]): Promise<void> =>
    waitFor(async () => received(options).length >= texts.length, WAIT_MS).finally(() =>
      expect(received(options)).toEqual(texts),
    );

  test('two of them lose nothing and repeat nothing when the platform and both are killed', async () => {
    let [a, b] = await meet();
    const [hers, his]: [string[], string[]] = [[], []];
    const typeBoth = async (name: string) => {
      for (const number of numbers(20)) {
        const [one, other] = [`${name} ${number} of Alice`, `${name} ${number} of Bob`];
        await Promise.all([a.type(one), b.type(other)]);
        hers.push(one);
        his.push(other);
      }
    };
    await typeBoth('before');
    // In the middle: what was just typed may be stored and not answered, answered and not written down, or not sent.
    const restarting = restart();
    await typeBoth('meanwhile');
    await Promise.all([a.kill(), b.kill()]);
    await restarting;
    [a, b] = await meet();
    await typeBoth('after');
    await a.kill();
    a = start(alice, bob.name);
    await Promise.all([receives(bob, hers), receives(alice, his)]);
    await waitFor(async () => [alice, bob].every((one) => isSent(one)), WAIT_MS);

    // Both have the same order, each place once: what one sent at a place, the other received there.
    const [left, right] = [readLog(alice), readLog(bob)];
    expect(left.map(({ seq, text }) => [seq, text])).toEqual(
      right.map(({ seq, text }) => [seq, text]),
    );
    expect(left.map(({ seq }) => seq)).toEqual(numbers(120));
    // What the platform has, read by REST, is the same.
    expect(runPython(bob, 'history', alice.name).trim().split('\n')).toEqual(
      right.flatMap(({ direction, seq, text }) => (direction === '<' ? [`< ${seq} ${text}`] : [])),
    );
  });

  test('one without a socket reads its inbox once', async () => {
    const [a, b] = await meet();
    await a.type('while he is here');
    await receives(bob, ['while he is here']);
    await b.kill();
    await a.type('while he is away');
    await a.said(/^> 2 stored$/m);
    expect(runPython(bob, 'inbox')).toBe('< 2 while he is away\n');
    expect(runPython(bob, 'inbox')).toBe('');
    expect(received(bob)).toEqual(['while he is here', 'while he is away']);
  });

  test('each comes back when its token ends', async () => {
    const [a, b] = await meet();
    const ended = /the connection has ended: 4001.*(\n.*)*the connection has ended: 4001/;
    await Promise.all([a.said(ended), b.said(ended)]);
    await a.type('still here');
    await receives(bob, ['still here']);
  });

  test('a platform that was restored gets again what it may have lost, and nobody gets it twice', async () => {
    let [a] = await meet();
    for (const text of ['first', 'second']) await a.type(text);
    await receives(bob, ['first', 'second']);
    await a.kill();
    // As if it had last met an earlier life of the platform.
    const store = new DatabaseSync(alice.store);
    store.exec("UPDATE account SET value = '0' WHERE name = 'incarnation'");
    store.close();
    a = start(alice, bob.name);
    await a.type('third');
    for (const seq of numbers(3)) await a.said(new RegExp(`^> ${seq} stored$`, 'm'));
    await receives(bob, ['first', 'second', 'third']);
  });

  test('a refusal is mended by the lists that come with it, and what cannot be mended is given up', async () => {
    let [a] = await meet();
    await a.type('first');
    await receives(bob, ['first']);
    await a.kill();
    // It believes in a device that never was, and a message takes an id that is used: neither can be stored.
    const store = new DatabaseSync(alice.store);
    const own = "(SELECT json_extract(value, '$') FROM account WHERE name = 'user')";
    store.exec(
      `UPDATE devices SET device = '00000000-0000-4000-8000-000000000000' WHERE user <> ${own}`,
    );
    store.exec("UPDATE outbox SET seq = NULL, body = x'6f74686572', message = NULL");
    store.close();
    a = start(alice, bob.name);
    for (const text of ['second', 'third', 'fourth']) await a.type(text);
    await a.said(/^- given up: message\.id-conflict$/m);
    await receives(bob, ['first', 'second', 'third', 'fourth']);
    expect(a.output()).not.toContain('Traceback');
  });
});

function isSent(options: PythonOptions): boolean {
  return readLog(options).every(({ seq }) => seq !== undefined);
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}
