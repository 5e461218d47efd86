/** `npm run doctor` and the commands of `npm run admin` that go over all services, beside a platform that runs. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createClient, openMemoryStore } from '@sotto/client';
import { nodeProvider } from '@sotto/crypto/node';
import { openS3Blobs } from '@sotto/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundleCommands, COMMANDS } from '../../deployments/docker/bundle.ts';
import { openRealServers, type Standalone, startStandalone } from '../cluster.ts';
import { connectEmbedded } from './embedded-database.ts';
import { type Ended, runProcess, runScript } from './script.ts';

let platform: Standalone;
let servers: Awaited<ReturnType<typeof openRealServers>>;
let environment: Record<string, string>;

beforeAll(async () => {
  servers = await openRealServers();
  platform = await startStandalone({
    environment: { REDIS_URL: servers.environment.REDIS_URL ?? '' },
  });
  environment = { DATA_DIR: platform.dataDirectory };
});
afterAll(async () => {
  await platform?.close();
  await servers?.close();
});

test('the doctor finds a platform that was just started well, and says what it looked at', async () => {
  const { code, findings } = await doctor(environment);
  expect(findings.filter(({ level }) => level === 'fail')).toEqual([]);
  expect(code).toBe(0);
  const found = Object.fromEntries(findings.map(({ check, level }) => [check, level]));
  for (const check of [
    'configuration',
    'secrets',
    'secret-files',
    'database',
    'migrations',
    'restore',
  ]) {
    expect(found[check], check).toBe('ok');
  }
});

test('the doctor asks the servers that are configured, and makes nothing there', async () => {
  const words = ['--only', 'database,nats,redis,files'];
  const without = { ...environment, ...servers.environment };
  for (let time = 1; time <= 2; time += 1) {
    expect((await doctor(without, ['--only', 'files'])).findings).toMatchObject([
      { level: 'fail', says: expect.stringContaining('no bucket') },
    ]);
  }
  await (await openS3Blobs(storeOf(servers.environment))).close();
  const { findings } = await doctor({ ...environment, ...servers.environment }, words);
  expect(findings.map(({ check, level }) => [check, level])).toEqual([
    ['database', 'ok'],
    ['nats', 'ok'],
    ['redis', 'ok'],
    ['files', 'ok'],
  ]);
  const nowhere = '127.0.0.1:1';
  const gone = await doctor(
    {
      ...environment,
      DATABASE_URL: `postgres://sotto:never-shown@${nowhere}/sotto`,
      NATS_URL: `nats://sotto:never-shown@${nowhere}`,
      REDIS_URL: `redis://:never-shown@${nowhere}`,
      S3_ENDPOINT: `http://${nowhere}`,
      S3_SECRET_KEY: 'never-shown',
    },
    words,
  );
  expect(gone.code).toBe(1);
  expect(gone.findings.map(({ level }) => level)).toEqual(['fail', 'fail', 'fail', 'fail']);
  expect(gone.stdout + gone.stderr).not.toContain('never-shown');
}, 60_000);

test('the doctor says how old the newest backup is', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-backups-'));
  try {
    const words = ['--only', 'backup', '--backups', folder];
    expect((await doctor(environment, words)).findings).toMatchObject([{ level: 'fail' }]);
    // What else lies there is no backup, however new it is, and neither is half of one.
    for (const name of ['secrets.tar', 'cron.log'])
      writeFileSync(join(folder, name), 'x'.repeat(999));
    const backup = join(folder, 'one');
    expect(await runScript('backup', [backup], environment)).toMatchObject({ code: 0 });
    const whole = readFileSync(backup);
    writeFileSync(join(folder, 'half'), whole.subarray(0, whole.length - 1));
    expect((await doctor(environment, words)).findings).toMatchObject([
      { level: 'ok', says: expect.stringContaining('newest of 1') },
    ]);
    const twoDaysAgo = Date.now() / 1000 - 2 * 86_400;
    utimesSync(backup, twoDaysAgo, twoDaysAgo);
    expect((await doctor(environment, words)).code).toBe(1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('the doctor gives no all-clear for what it was asked and cannot tell', async () => {
  const nowhere = { ...environment, DATABASE_URL: 'postgres://sotto@127.0.0.1:1/sotto' };
  const asked = await doctor(nowhere, ['--only', 'database-durability,database-version']);
  expect(asked.code).toBe(1);
  expect(asked.findings.map(({ level }) => level)).toEqual(['unknown', 'unknown']);
  // What does not apply is no fault.
  expect(await doctor(environment, ['--only', 'nats,redis'])).toMatchObject({ code: 0 });
});

test('what the doctor cannot understand ends with 64 or 78', async () => {
  expect(await runScript('doctor', ['--only', 'nonsense'], environment)).toMatchObject({
    code: 64,
  });
  const broken = await runScript('doctor', [], { ...environment, SERVER_PORT: 'x' });
  expect(broken).toMatchObject({ code: 78, stderr: expect.stringContaining('SERVER_PORT') });
});

test('inspect prints what all services hold on a person, and the audit log says so', async () => {
  const alice = createClient({
    url: platform.url,
    store: openMemoryStore(),
    provider: nodeProvider,
  });
  const bob = createClient({ url: platform.url, store: openMemoryStore(), provider: nodeProvider });
  await alice.register({ username: 'alice', password: 'Correct-Horse-7' });
  await bob.register({ username: 'bob', password: 'Correct-Horse-7' });
  await Promise.all([alice.connect(), bob.connect()]);
  const { id } = await alice.openDirect((await bob.me())!.user);
  const file = { name: 'a', type: 'text/plain', data: new Blob(['hello']) };
  await alice.whenStored((await alice.sendFile(id, file)).id);
  await Promise.all([alice.close(), bob.close()]);

  const { code, stdout } = await admin('inspect', 'alice', '--json');
  expect(code).toBe(0);
  const { services } = JSON.parse(stdout);
  expect(services.auth.users).toMatchObject([{ username: 'alice' }]);
  expect(services.key.identity_keys).toHaveLength(1);
  expect(services.message.conversation_members).toHaveLength(1);
  expect(services.file.files).toHaveLength(1);
  expect(stdout).not.toMatch(/password_hash|hello/);
  const audit = await admin('audit', '--action', 'admin.acted', '--json');
  expect(audit.stdout).toContain('"command":"inspect"');
  expect((await admin('inspect', 'nobody')).code).toBe(1);
  expect((await admin('inspect')).code).toBe(64);
}, 180_000);

test('limits are shown, and need Redis to be somebody’s own', async () => {
  const shown = await admin('limits', 'show', '--json');
  expect(JSON.parse(shown.stdout)).toMatchObject({ sendPerMinute: 30 });
  expect(await admin('limits', 'reset', 'alice')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Redis'),
  });
  const REDIS_URL = servers.environment.REDIS_URL ?? '';
  const limits = (...words: string[]) =>
    runScript('admin', ['limits', ...words], { ...environment, REDIS_URL });
  const spent = async () => {
    const { user } = JSON.parse((await limits('show', 'carol', '--json')).stdout);
    return Number.parseInt(user, 10);
  };
  const store = openMemoryStore();
  const carol = createClient({ url: platform.url, store, provider: nodeProvider });
  await carol.register({ username: 'carol', password: 'Correct-Horse-7' });
  await carol.connect();
  await carol.close();
  expect(await spent()).toBeGreaterThan(0);
  expect(await limits('reset', 'carol')).toMatchObject({ code: 0, stderr: '' });
  expect(await spent()).toBe(0);
}, 120_000);

test('retention says what would go, and does nothing without a word', async () => {
  const asked = await admin('retention', 'run', '--dry-run');
  expect(asked).toMatchObject({ code: 0, stdout: expect.stringContaining('weeks of messages') });
  expect((await admin('retention', 'run')).code).toBe(64);
  const database = await connectEmbedded(platform.dataDirectory);
  try {
    await database.query(`create table message.messages_20260105 partition of message.messages
      for values from ('2026-01-05 00:00:00+00') to ('2026-01-12 00:00:00+00')`);
    const over = await admin('retention', 'run', '--dry-run');
    expect(over.stdout).toContain('longer: 1\n  messages_20260105');
    expect(await admin('retention', 'run', '--yes')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('1 weeks and 0 expired messages are gone'),
      stderr: '',
    });
    const left = await database.query("select to_regclass('message.messages_20260105') as week");
    expect(left.rows).toEqual([{ week: null }]);
  } finally {
    await database.end();
  }
  // Beside a database elsewhere the settings here may be others than the services'.
  const DATABASE_URL = servers.environment.DATABASE_URL ?? '';
  const words = ['retention', 'run', '--yes'];
  const elsewhere = await runScript('admin', words, { ...environment, DATABASE_URL });
  expect(elsewhere).toMatchObject({ code: 64, stderr: expect.stringContaining('--days 30') });
});

test('in their image the commands need nothing of the checkout', async () => {
  const image = mkdtempSync(join(tmpdir(), 'sotto-tools-'));
  try {
    await bundleCommands(image);
    const own = { ...environment, PATH: `${dirname(process.execPath)}:/usr/bin:/bin` };
    const run = (command: string, ...words: string[]) =>
      runProcess('npm', ['run', '--silent', command, '--', ...words], { cwd: image, env: own });
    expect(await run('doctor', '--only', 'configuration,migrations,restore')).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(await run('admin', 'users', 'list')).toMatchObject({ code: 0, stderr: '' });
    const backup = join(image, 'backup');
    expect(await run('backup', backup)).toMatchObject({ code: 0, stderr: '' });
    expect(await run('backup', '--verify', backup)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('by release 0.1.0'),
    });
    for (const command of COMMANDS) {
      expect((await run(command, '--help')).stdout).toContain('npm run');
    }
  } finally {
    rmSync(image, { recursive: true, force: true });
  }
}, 120_000);

test('an operator’s command beside no platform says so in a line', async () => {
  const nowhere = mkdtempSync(join(tmpdir(), 'sotto-nowhere-'));
  chmodSync(nowhere, 0o711);
  try {
    const { code, stderr } = await runScript('admin', ['inspect', 'alice'], { DATA_DIR: nowhere });
    expect({ code, lines: stderr.trim().split('\n').length }).toEqual({ code: 69, lines: 1 });
  } finally {
    rmSync(nowhere, { recursive: true, force: true });
  }
});

function storeOf(named: Readonly<Record<string, string>>) {
  const { S3_ENDPOINT: endpoint = '', S3_BUCKET: bucket = '' } = named;
  const { S3_ACCESS_KEY: accessKey = '', S3_SECRET_KEY: secretKey = '' } = named;
  return { endpoint, bucket, accessKey, secretKey, region: 'us-east-1' };
}

interface Found {
  check: string;
  level: string;
}

async function doctor(
  given: Record<string, string>,
  words: readonly string[] = [],
): Promise<Ended & { findings: Found[] }> {
  const ended = await runScript('doctor', ['--json', ...words], given);
  const findings = ended.stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  return { ...ended, findings };
}

function admin(...words: string[]): Promise<Ended> {
  return runScript('admin', words, environment);
}
