/**
 * `npm run witness` against the real platform, and against one that lies: between them sits a proxy that has the log's
 * own signing key, as a platform would that wants to deceive somebody.
 */
import { spawn } from 'node:child_process';
import { hkdfSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Answer,
  encodeBase64url,
  getKeyLogHead,
  getKeyLogLeaves,
  publishIdentity,
  register,
} from '@sotto/api';
import { makeIdentity } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import {
  decodeKeyLogLeaf,
  encodeKeyLogLeaf,
  signingKeyPairOf,
  signingSeed,
} from '@sotto/crypto/verify';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { LogInMemory } from '../../scripts/witness/log.fixture.ts';
import { type Standalone, startStandalone } from '../cluster.ts';
import { type RewritingProxy, startRewritingProxy } from './rewriting-proxy.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const SECRET = randomBytes(32).toString('hex');
const seed = new Uint8Array(hkdfSync('sha256', SECRET, '', 'sotto/v1/key-log-signing-key', 32));
const logKey = signingKeyPairOf(nodeProvider, signingSeed<'key-log'>(seed));

let directory: string;
let witnessKey: string;
let platform: Standalone;
let leaves: Uint8Array[];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sotto-witness-'));
  // Before there is anything to witness: a key to put into the platform's configuration.
  const first = await witness('http://127.0.0.1:9', 'state').ended;
  expect(first.code).toBe(1);
  witnessKey = /^witness key (\S{43}) /m.exec(first.output)?.[1] ?? '';
  platform = await startStandalone({
    environment: { KEY_LOG_SECRET: SECRET, KEY_LOG_WITNESSES: witnessKey },
  });
  for (let count = 0; count < 4; count++) await publishSomebody();
  await vi.waitFor(async () => expect(await sizeOf()).toBeGreaterThanOrEqual(4), 20_000);
  const seen = await witness(platform.url, 'state').ended;
  expect(seen).toMatchObject({
    code: 0,
    output: expect.stringMatching(/followed to leaf \d+, root/),
  });
  ({ leaves } = await ask(getKeyLogLeaves, '?start=0&count=1000'));
}, 90_000);

afterAll(async () => {
  await platform?.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Starts a witness that keeps what it knows below the test's directory. */
function witness(url: string, state: string, mode = ['--once']) {
  const child = spawn(
    process.execPath,
    ['scripts/witness.ts', '--url', url, '--state', join(directory, state), ...mode],
    { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = once(child, 'close').then(([code]: number[]) => ({ code, output }));
  return { ended, output: () => output, stop: () => child.kill('SIGTERM') };
}

async function publishSomebody(): Promise<void> {
  const body = {
    username: `user${Math.floor(performance.now() * 1000)}`,
    password: 'Correct-Horse-7',
  };
  const { accessToken } = await post(register, body);
  const identity = { identityKey: makeIdentity(nodeProvider).publicKey, registrationId: 7 };
  await post(publishIdentity, z.encode(publishIdentity.body, identity), accessToken);
}

async function post<E extends typeof register | typeof publishIdentity>(
  endpoint: E,
  body: unknown,
  token?: string,
): Promise<Answer<E>> {
  const headers = new Headers({ 'content-type': 'application/json' });
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`);
  const init = { method: 'POST', headers, body: JSON.stringify(body) };
  const response = await fetch(new URL(endpoint.path, platform.url), init);
  const json = await response.json();
  if (!response.ok) throw new Error(JSON.stringify(json));
  return z.decode(endpoint.response, json) as Answer<E>;
}

async function ask<E extends typeof getKeyLogHead | typeof getKeyLogLeaves>(
  endpoint: E,
  query = '',
): Promise<Answer<E>> {
  const response = await fetch(new URL(`${endpoint.path}${query}`, platform.url));
  return z.decode(endpoint.response, await response.json()) as Answer<E>;
}

async function sizeOf(): Promise<number> {
  const { head } = await ask(getKeyLogHead);
  return Number(Buffer.from(head).readBigUInt64BE(1));
}

/** Another key for the account of a leaf. */
function forged(leaf: Uint8Array | undefined): Uint8Array {
  const decoded = decodeKeyLogLeaf(leaf ?? new Uint8Array());
  if (decoded.type !== 'account') throw new Error('not a leaf of an account');
  return encodeKeyLogLeaf({ ...decoded, keyDigest: randomBytes(32) });
}

/** Somebody's first leaf. */
function newLeaf(): Uint8Array {
  const [account, keyDigest] = [randomBytes(32), randomBytes(32)];
  const previousHash = new Uint8Array(32);
  return encodeKeyLogLeaf({ type: 'account', account, version: 1, previousHash, keyDigest });
}

test('its signature stands under the head that everybody sees', async () => {
  const { cosignatures } = await ask(getKeyLogHead);
  expect(cosignatures.map((signed) => encodeBase64url(signed.witnessKey))).toEqual([witnessKey]);
});

test('a witness that the platform does not know follows all the same, and says so', async () => {
  const { code, output } = await witness(platform.url, 'stranger').ended;
  expect(code).toBe(0);
  expect(output).toMatch(/not in KEY_LOG_WITNESSES/);
});

test('it follows until it is told to stop, also while the platform is away', async () => {
  cpSync(join(directory, 'state'), join(directory, 'following'), { recursive: true });
  const proxy = await startRewritingProxy(platform.url);
  const { port } = new URL(proxy.url);
  await proxy.close();
  const away = witness(`http://127.0.0.1:${port}`, 'following', ['--every', '1']);
  await vi.waitFor(() => expect(away.output()).toMatch(/trying again/), 10_000);
  away.stop();
  expect((await away.ended).code).toBe(0);
});

describe('a platform that has the key of the log', () => {
  let proxy: RewritingProxy;
  beforeAll(async () => {
    proxy = await startRewritingProxy(platform.url);
  });
  afterAll(() => proxy.close());

  /** Answers with another log; `shown` are the leaves that it hands out. */
  function lie(log: LogInMemory, shown: readonly Uint8Array[] = log.leafList): void {
    proxy.replace(getKeyLogHead, (_, { from }) => log.headSince(Number(from ?? 0)));
    proxy.replace(getKeyLogLeaves, (_, { start, count }) => ({
      leaves: shown.slice(Number(start), Number(start) + Number(count)),
    }));
  }

  /** What a witness says that has followed the log until now, and one that has never seen it. */
  async function alarms(): Promise<(string | undefined)[]> {
    const seen = mkdtempSync(join(directory, 'seen-'));
    const fresh = mkdtempSync(join(directory, 'fresh-'));
    cpSync(join(directory, 'state'), seen, { recursive: true });
    const names = [seen, fresh].map((path) => path.slice(directory.length + 1));
    const ends = await Promise.all(names.map((name) => witness(proxy.url, name).ended));
    return ends.map(({ code, output }, index) => {
      if (code === 0) return undefined;
      expect(code).toBe(2);
      const kept = readdirSync([seen, fresh][index] ?? '');
      expect(kept.some((name) => name.startsWith('alarm-'))).toBe(true);
      return /^ALARM (\S+) at http\S+: ./m.exec(output)?.[1];
    });
  }

  test('shows what is true, and no alarm is raised', async () => {
    expect(await alarms()).toEqual([undefined, undefined]);
  });

  test('shows us a head that it shows nobody else', async () => {
    lie(new LogInMemory(leaves, logKey));
    expect(await alarms()).toEqual(['head-denied', undefined]);
  });

  test('swaps a leaf', async () => {
    const log = new LogInMemory([...leaves, newLeaf()], logKey);
    lie(log, log.leafList.with(-1, newLeaf()));
    expect(await alarms()).toEqual(['leaves-swapped', 'leaves-swapped']);
  });

  test('shows a fork', async () => {
    lie(new LogInMemory(leaves.with(-1, newLeaf()), logKey));
    expect(await alarms()).toEqual(['forked', undefined]);
  });

  test('rolls the log back', async () => {
    lie(new LogInMemory(leaves.slice(0, -1), logKey));
    expect(await alarms()).toEqual(['rolled-back', undefined]);
  });

  test('rewrites a leaf and goes on', async () => {
    lie(new LogInMemory([...leaves.with(1, forged(leaves[1])), newLeaf()], logKey));
    expect(await alarms()).toEqual(['rewritten', undefined]);
  });

  test('gives an account a second identity of one version', async () => {
    lie(new LogInMemory([...leaves, forged(leaves[2])], logKey));
    expect(await alarms()).toEqual(['account-forked', 'account-forked']);
  });
});
