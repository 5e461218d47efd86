/** `npm start -- --lan`: what a household sees, by a client that trusts the platform's own authority and no other. */
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PlatformProcess, startProcess } from '../platform-process.ts';
import { PASSWORD } from './doors.ts';

let directory: string;
let platform: PlatformProcess;
let authority: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sotto-lan-'));
  platform = await start();
  authority = (await ask('/ca.crt')).text;
});
afterAll(async () => {
  await platform?.stop();
  rmSync(directory, { recursive: true, force: true });
});

function start(): Promise<PlatformProcess> {
  const environment = { SERVER_PORT: '0', DATA_DIR: join(directory, 'data') };
  return startProcess('services/standalone/src/main.ts', environment, ['--lan']);
}

interface Asking {
  /** What is trusted, and nothing else; without it the client looks away, as people do this one time. */
  ca?: string;
  host?: string;
  body?: unknown;
}

interface Answer {
  status: number;
  text: string;
}

function ask(path: string, { ca, host = 'localhost', body }: Asking = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({
      host,
      port: new URL(platform.url).port,
      path,
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'content-type': 'application/json' },
      agent: false,
      ...(ca === undefined ? { rejectUnauthorized: false } : { ca }),
    });
    asked.on('error', reject);
    asked.on('response', (answer) => {
      const { statusCode: status = 0 } = answer;
      answer.toArray().then((chunks) => resolve({ status, text: chunks.join('') }), reject);
    });
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function printedFingerprint(): string {
  const lines = platform.output().match(/([0-9A-F]{2}:){15}[0-9A-F]{2}:?/g) ?? [];
  return lines.join('');
}

const printedInvitations = (): string[] => platform.output().match(/#invite=\S+/g) ?? [];

test('whoever has compared the fingerprint and trusts the authority is served by TLS', async () => {
  expect(platform.url).toMatch(/^https:/);
  expect(new X509Certificate(authority).fingerprint256).toBe(printedFingerprint());
  for (const host of ['localhost', '127.0.0.1']) {
    expect(await ask('/health/ready', { ca: authority, host })).toMatchObject({ status: 200 });
  }
});

test('whoever trusts nobody yet is warned', async () => {
  await expect(fetch(platform.url)).rejects.toThrow();
});

test('nobody gets an account without the invitation that was printed', async () => {
  const register = (username: string, invite?: string): Promise<Answer> => {
    const body = { username, password: PASSWORD, ...(invite !== undefined && { invite }) };
    return ask('/api/v1/auth/register', { ca: authority, body });
  };
  expect(await register('Stranger')).toMatchObject({ status: 403 });
  expect(await register('Stranger', 'guessed')).toMatchObject({ status: 403 });
  const [link = '', ...others] = printedInvitations();
  expect(others).toEqual([]);
  expect(await register('Guest', link.replace('#invite=', ''))).toMatchObject({ status: 201 });
});

test('after another start the authority is the same, and no invitation is printed', async () => {
  const before = printedFingerprint();
  expect(await platform.stop()).toBe(0);
  platform = await start();
  expect(printedFingerprint()).toBe(before);
  expect(printedInvitations()).toEqual([]);
  expect(await ask('/health/ready', { ca: authority })).toMatchObject({ status: 200 });
});
