/** An account from the operator's invitation to its erasure in every service, and the operator's commands beside it. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { COMPILE_CACHE } from '../compile-cache.ts';
import { type PlatformProcess, startProcess } from '../platform-process.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const PASSWORD = 'Correct-h0rse';

let data: string;
let platform: PlatformProcess;
const environment = () => ({
  DATA_DIR: data,
  SERVER_PORT: '0',
  REGISTRATION_MODE: 'invite',
  PUBLIC_ORIGINS: 'https://chat.example.org',
});

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), 'sotto data-'));
  platform = await startProcess('services/standalone/src/main.ts', environment());
});
afterAll(async () => {
  await platform.stop();
  rmSync(data, { recursive: true, force: true });
});

interface Ran {
  exitCode: number;
  out: string;
  notes: string;
}

function admin(words: string[], directory = data, changes = {}): Promise<Ran> {
  const { promise, resolve } = Promise.withResolvers<Ran>();
  const place = { PATH: '/usr/bin:/bin', ...COMPILE_CACHE };
  const env = { ...place, ...environment(), DATA_DIR: directory, ...changes };
  const argv = ['scripts/admin.ts', ...words];
  execFile(process.execPath, argv, { cwd: root, env }, (error, out, notes) => {
    const exitCode = error === null ? 0 : Number(error.code ?? -1);
    resolve({ exitCode, out, notes });
  });
  return promise;
}

async function call(path: string, { token, body }: { token?: string; body?: object } = {}) {
  const response = await fetch(new URL(path, platform.url), {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}

test('the operator makes an account and an invitation while the platform runs', async () => {
  const made = await admin(['create', 'Operator']);
  expect(made).toMatchObject({ exitCode: 0 });
  const password = /password +(\S+)/.exec(made.out)?.[1];
  const login = { username: 'operator', password };
  expect((await call('/api/v1/auth/login', { body: login })).status).toBe(200);

  const uninvited = { username: 'Guest', password: PASSWORD };
  expect((await call('/api/v1/auth/register', { body: uninvited })).status).toBe(403);
  const link = new URL((await admin(['invite', 'create'])).out.trim());
  expect(link.origin).toBe('https://chat.example.org');
  const invite = link.hash.replace('#invite=', '');
  const invited = await call('/api/v1/auth/register', { body: { ...uninvited, invite } });
  expect(invited.status).toBe(201);
});

test('an invitation without a public origin leads to where the platform runs', async () => {
  const { out } = await admin(['invite', 'create'], data, { PUBLIC_ORIGINS: '' });
  expect(new URL(out).origin).toBe(platform.url);
});

test('a command whose reader has gone ends quietly', async () => {
  const child = spawn(process.execPath, ['scripts/admin.ts', '--help'], { cwd: root });
  child.stdout.destroy();
  let notes = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    notes += text;
  });
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(notes).toBe('');
});

test('an owner takes out what all services hold, deletes the account, and nobody finds it any more', async () => {
  const code = async () =>
    new URL((await admin(['invite', 'create'])).out.trim()).hash.replace('#invite=', '');
  const join = async (username: string) => {
    const body = { username, password: PASSWORD, invite: await code() };
    return (await call('/api/v1/auth/register', { body })).body;
  };
  const [leaver, stayer] = [await join('Leaver'), await join('Stayer')];
  const find = async () => {
    const { body } = await call('/api/v1/users?name=leaver', { token: stayer.accessToken });
    return body.users;
  };
  await vi.waitFor(async () => expect(await find()).toHaveLength(1), 10_000);

  const exported = await call('/api/v1/auth/export', { token: leaver.accessToken });
  expect(exported.status).toBe(200);
  expect(Object.keys(exported.body.services).sort()).toEqual(['auth', 'file', 'key', 'message']);
  expect(exported.body.services.auth.users).toMatchObject([{ username: 'Leaver' }]);
  expect(exported.body.services.message.accounts).toMatchObject([{ username: 'Leaver' }]);

  const goodbye = { token: leaver.accessToken, body: { password: PASSWORD } };
  expect((await call('/api/v1/auth/account/delete', goodbye)).status).toBe(204);
  expect((await call('/api/v1/auth/me', { token: leaver.accessToken })).status).toBe(401);
  await vi.waitFor(async () => expect(await find()).toEqual([]), 10_000);
  const audit = await admin(['audit', '--user', leaver.user, '--json']);
  expect(audit.out).toContain('account.deleted');
});

test('the operator reads what a user reports, and closes it; the audit log has both', async () => {
  const join = async (username: string) => {
    const link = new URL((await admin(['invite', 'create'])).out.trim());
    const body = { username, password: PASSWORD, invite: link.hash.replace('#invite=', '') };
    return (await call('/api/v1/auth/register', { body })).body;
  };
  const [reporter, reported] = [await join('Reporter'), await join('Reported')];
  const messages = [
    {
      id: '0199d000-0000-7000-8000-000000000001',
      sentAt: '2026-11-20T08:00:00Z',
      text: 'buy now',
    },
  ];
  const made = await call('/api/v1/reports', {
    token: reporter.accessToken,
    body: { user: reported.user, reason: 'spam', messages },
  });
  expect(made.status).toBe(201);
  const listed = await admin(['reports', 'list']);
  expect(listed.out).toMatch(new RegExp(`${made.body.report} .* spam +Reported +Reporter`));
  expect((await admin(['reports', 'show', made.body.report])).out).toContain('buy now');
  expect((await admin(['reports', 'close', made.body.report])).exitCode).toBe(0);
  const noted = async (action: string) =>
    (await admin(['audit', '--action', action, '--json'])).out.trim().split('\n');
  await vi.waitFor(
    async () => {
      expect((await noted('reports.made')).join('\n')).toContain(reporter.user);
      expect((await noted('admin.acted')).join('\n')).toContain('reports close');
    },
    { timeout: 20_000, interval: 500 },
  );
});

test('field keys are rotated beside the running platform', async () => {
  const { exitCode, out } = await admin(['rotate-field-keys']);
  expect(exitCode).toBe(0);
  expect(out).toMatch(/users\.email: \d+ of \d+/);
});

test('where no platform is, commands say so in one line and make nothing', async () => {
  const elsewhere = join(data, 'nothing here');
  const { exitCode, out, notes } = await admin(['users', 'list'], elsewhere);
  expect(exitCode).toBe(69);
  expect(out).toBe('');
  expect(notes.trim().split('\n')).toHaveLength(1);
  expect(existsSync(elsewhere)).toBe(false);
});
