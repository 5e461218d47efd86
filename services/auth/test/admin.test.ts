/** The operator's commands, on the database of a service that runs. */
import { type Login, login, me, recover, register } from '@sotto/api';
import { ADMIN_COMMANDS, type Event } from '@sotto/api/internal';
import { consumeEvent, createLogger, createSealedFields } from '@sotto/runtime';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { runAdmin } from '../src/admin/admin.ts';
import { helpFor } from '../src/admin/help.ts';
import { createAudit } from '../src/audit.ts';
import { createSealedColumns } from '../src/sealed-columns.ts';
import {
  type Caller,
  openPlatform,
  PASSWORD,
  type TestPlatform,
  testConfig,
} from './platform.fixture.ts';

const OLD_KEY = 'field-key-of-the-tests-0123456789-0123';
const NEW_KEY = 'another-field-key-of-the-tests-0123456789';

let platform: TestPlatform;
let auth: Caller;

beforeAll(async () => {
  platform = await openPlatform();
  auth = await platform.start(testConfig({ registration: { mode: 'invite' } }));
});
afterAll(() => platform.close());

interface Ran {
  exitCode: number;
  out: string[];
  notes: string[];
}

/** Runs a command line; what is asked for is answered with the given texts, in turn. */
async function admin(
  line: string,
  { typed, keys = [OLD_KEY] }: { typed?: string[]; keys?: string[] } = {},
): Promise<Ran> {
  const out: string[] = [];
  const notes: string[] = [];
  const answers = [...(typed ?? [])];
  const terminal = {
    out: (text: string) => void out.push(text),
    note: (text: string) => void notes.push(text),
    ...(typed && { askSecret: async () => answers.shift() ?? '' }),
  };
  const fields = createSealedFields(keys);
  const columns = createSealedColumns(fields);
  const log = createLogger({ service: 'admin', level: 'silent' });
  const exitCode = await runAdmin(
    {
      database: platform.database,
      audit: createAudit({ log, sealSource: columns.sealSource }),
      columns,
      fields,
      clock: Date.now,
      baseUrl: 'https://chat.example.org/',
      terminal,
    },
    line.split(' ').filter((word) => word !== ''),
  );
  return { exitCode, out, notes };
}

let names = 0;
const freshName = () => `Member${++names}`;
const bearer = ({ accessToken }: Login) => ({ token: `Bearer ${accessToken}` });
const field = ({ out }: Ran, name: string) =>
  out
    .find((line) => line.startsWith(name))
    ?.slice(name.length)
    .trim() ?? '';

async function inviteCode(): Promise<string> {
  const { out } = await admin('invite create');
  return new URL(out[0] ?? '').hash.replace('#invite=', '');
}

async function member(): Promise<Login> {
  const body = { username: freshName(), password: PASSWORD, invite: await inviteCode() };
  const answer = await auth.send(register, { body });
  expect(answer.status).toBe(201);
  return answer.body as Login;
}

describe('create', () => {
  test('makes an administrator who can log in with the password that was shown', async () => {
    const username = freshName();
    const made = await admin(`create ${username}`);
    expect(made.exitCode).toBe(0);
    await auth.login({ username, password: field(made, 'password') });
    expect((await admin(`users show ${username}`)).out.join('\n')).toMatch(/is_admin +true/);
  });

  test('takes a password that is typed twice alike, and shows none', async () => {
    const username = freshName();
    const unlike = await admin(`users create ${username}`, { typed: [PASSWORD, 'Correct-h0rs3'] });
    expect(unlike.exitCode).toBe(64);
    const made = await admin(`users create ${username}`, { typed: [PASSWORD, PASSWORD] });
    expect(made.exitCode).toBe(0);
    expect(made.out.join('\n')).not.toContain(PASSWORD);
    await auth.login({ username, password: PASSWORD });
  });

  test('tells other services of the account', async () => {
    const heard: Event<'events.account.created'>[] = [];
    const hear = async (event: Event<'events.account.created'>) => void heard.push(event);
    const listening = await consumeEvent(
      platform.bus,
      'test-admin',
      'events.account.created',
      hear,
    );
    const username = freshName();
    await admin(`users create ${username}`);
    await vi.waitFor(
      () => expect(heard.some((event) => event.username === username)).toBe(true),
      20_000,
    );
    await listening.close();
  });

  test('says what is wrong with a name or a password, and makes nothing', async () => {
    const { username } = await member();
    expect(await admin(`create ${username.toLowerCase()}`)).toMatchObject({
      exitCode: 1,
      notes: ['sotto: the username is taken'],
    });
    const other = freshName();
    const weak = await admin(`create ${other}`, { typed: ['Password123!', 'Password123!'] });
    expect(weak.exitCode).toBe(64);
    expect((await admin(`users show ${other}`)).exitCode).toBe(1);
  });
});

describe('invitations', () => {
  test('are links with the code behind the hash, good for as often as was said, until revoked', async () => {
    const { out, notes } = await admin('invite create --uses 2 --expires 1h');
    expect(out).toHaveLength(1);
    const link = new URL(out[0] ?? '');
    expect(link.origin).toBe('https://chat.example.org');
    const invite = link.hash.replace('#invite=', '');
    const send = () =>
      auth.send(register, { body: { username: freshName(), password: PASSWORD, invite } });
    expect((await send()).status).toBe(201);
    const id = /[0-9a-f-]{36}/.exec(notes.join(' '))?.[0] ?? '';
    expect((await admin(`invite revoke ${id}`)).exitCode).toBe(0);
    expect((await send()).status).toBe(403);
    const listed = (await admin('invite list')).out.find((line) => line.startsWith(id));
    expect(listed).toMatch(/1\/2 +revoked/);
    expect((await admin('invite list')).out.join('\n')).not.toContain(invite);
  });
});

describe('users', () => {
  test('that are disabled lose their sessions and cannot log in until they are enabled', async () => {
    const account = await member();
    const { username } = account;
    expect((await admin(`users disable ${username}`)).exitCode).toBe(0);
    expect((await auth.send(me, bearer(account))).status).toBe(401);
    const right = { body: { username, password: PASSWORD } };
    expect(await auth.problem(login, right)).toMatchObject({ code: 'auth.account-disabled' });
    // A stranger learns nothing of it.
    const wrong = { body: { username, password: 'Wrong-passw0rd' } };
    expect(await auth.problem(login, wrong)).toMatchObject({ code: 'auth.credentials-wrong' });
    expect((await admin(`users enable ${account.user}`)).exitCode).toBe(0);
    expect((await auth.send(login, right)).status).toBe(200);
  });

  test('who forgot the password get a code that sets a new one', async () => {
    const { username } = await member();
    const recoveryCode = field(await admin(`users reset ${username}`), 'recovery code');
    const body = { username, recoveryCode, newPassword: 'Another-h0rse' };
    expect((await auth.send(recover, { body })).status).toBe(200);
  });

  test('are deleted when that is said twice', async () => {
    const account = await member();
    expect((await admin(`users delete ${account.username}`)).exitCode).toBe(64);
    expect((await auth.send(me, bearer(account))).status).toBe(200);
    expect((await admin(`users delete ${account.username} --yes`)).exitCode).toBe(0);
    expect((await auth.send(me, bearer(account))).status).toBe(401);
    expect((await admin(`users show ${account.username}`)).exitCode).toBe(1);
  });

  test('are listed by name, page by page', async () => {
    await Promise.all([member(), member(), member()]);
    const all = (await admin('users list --json')).out.map((line) => JSON.parse(line).username);
    const pages: string[] = [];
    for (let after = ''; ; ) {
      const page = (await admin(`users list --json --limit 2 ${after && `--after ${after}`}`)).out;
      pages.push(...page.map((line) => JSON.parse(line).username));
      if (page.length < 2) break;
      after = pages.at(-1) ?? '';
    }
    expect(pages).toEqual(all);
  });
});

test('sessions can be seen and ended, one or all', async () => {
  const account = await member();
  const { username } = account;
  const other = await auth.login({ username, password: PASSWORD });
  expect((await admin(`sessions list ${username}`)).out).toHaveLength(3);
  await admin(`sessions revoke ${username} --session ${other.session}`);
  expect((await auth.send(me, bearer(other))).status).toBe(401);
  expect((await auth.send(me, bearer(account))).status).toBe(200);
  const stranger = await member();
  const foreign = await admin(`sessions revoke ${username} --session ${stranger.session}`);
  expect(foreign.exitCode).toBe(1);
  expect((await admin(`sessions revoke ${username}`)).out).toEqual(['1 session ended']);
  expect((await auth.send(me, bearer(account))).status).toBe(401);
});

test('the audit log is read by user, action and time, with addresses while they are kept', async () => {
  const { username, user } = await member();
  const wrong = { username, password: 'Wrong-passw0rd' };
  await auth.problem(login, { body: wrong, from: '192.0.2.99' });
  const lines = (await admin(`audit --user ${username} --json`)).out.map((line) =>
    JSON.parse(line),
  );
  expect(lines).toMatchObject([
    { action: 'login.failed', user, source: '192.0.2.99' },
    { action: 'account.registered', user },
  ]);
  const failures = await admin(`audit --user ${user} --action login.failed --since 1h`);
  expect(failures.out).toHaveLength(2);
  expect((await admin(`audit --user ${user} --since 2999-01-01`)).out).toHaveLength(1);
});

test('the audit log says which commands the operator gave', async () => {
  const since = new Date().toISOString();
  const username = freshName();
  const invite = (await admin('invite create')).notes[0]?.match(/id is ([0-9a-f-]{36})/)?.[1];
  const lines = [
    `invite revoke ${invite}`,
    `create ${username}`,
    `users create ${freshName()}`,
    `users disable ${username}`,
    `users enable ${username}`,
    `users reset ${username}`,
    `sessions revoke ${username}`,
    'rotate-field-keys',
    `users delete ${username} --yes`,
  ];
  for (const line of lines) expect(await admin(line)).toMatchObject({ exitCode: 0 });
  const read = `audit --action admin.acted --since ${since}`;
  const acts = (await admin(`${read} --json`)).out.map((line) => JSON.parse(line).command);
  const elsewhere = ['reports close', 'inspect', 'limits reset', 'retention run', 'restored'];
  const here = ADMIN_COMMANDS.filter((command) => !elsewhere.includes(command));
  expect(acts.sort()).toEqual(here.sort());
  expect((await admin(read)).out.join('\n')).toContain('admin.acted (users reset)');
});

test('what is called wrongly ends with one line and 64, and changes nothing', async () => {
  const calls = [
    '',
    'nonsense',
    'users',
    'users nonsense',
    'users show',
    'users show a b',
    'users list --limit 0',
    'users list --limit many',
    'users list --nonsense',
    'invite create --uses -1',
    'invite create --expires never',
    'invite create --expires 9999d',
    'invite create --base-url javascript:alert(1)',
    'invite revoke nonsense',
    'audit --action nonsense',
    'audit --since nonsense',
    'audit nonsense',
    'rotate-field-keys now',
    '__proto__ constructor',
    'constructor',
  ];
  for (const call of calls) {
    const { exitCode, out, notes } = await admin(call);
    expect([call, exitCode]).toEqual([call, 64]);
    expect(out).toEqual([]);
    for (const note of notes) expect(note).not.toMatch(/\n|at .*:\d+/);
  }
});

test('who is not there is told so, however they are called', async () => {
  for (const name of ['nobody', "x';drop", '\u001b[31mred', '\ud800', 'a'.repeat(500), '../../x']) {
    const { exitCode, notes } = await admin(`users show ${name}`);
    expect(exitCode).toBe(1);
    expect(notes).toEqual(['sotto: there is no such user']);
  }
});

test('all sealed columns are sealed anew, while others are written, and nothing is lost', async () => {
  const body = { username: freshName(), password: PASSWORD, email: 'rotated@example.org' };
  const invite = await inviteCode();
  const sent = await auth.send(register, { body: { ...body, invite }, from: '192.0.2.1' });
  const account = sent.body as Login;
  const keys = [NEW_KEY, OLD_KEY];
  const wrong = { username: body.username, password: 'Wrong-passw0rd' };
  const [rotated] = await Promise.all([
    admin('rotate-field-keys', { keys }),
    ...Array.from({ length: 4 }, () => auth.problem(login, { body: wrong, from: '192.0.2.2' })),
  ]);
  expect(rotated.exitCode).toBe(0);
  // What was written in between with the old key is for a second run; a third has nothing left to do.
  await admin('rotate-field-keys', { keys });
  const third = await admin('rotate-field-keys', { keys });
  expect(third.out.every((line) => line.includes(': 0 of '))).toBe(true);
  const shown = await admin(`users show ${body.username} --json`, { keys: [NEW_KEY] });
  expect(JSON.parse(shown.out[0] ?? '{}')).toMatchObject({ email: 'rotated@example.org' });
  const audit = await admin(`audit --user ${account.user} --json`, { keys: [NEW_KEY] });
  expect(audit.out.join('\n')).toMatch(/192\.0\.2\.1"/);
  // And nothing opens without the new key any more.
  expect((await admin(`users show ${body.username}`, { keys: [OLD_KEY] })).exitCode).toBe(1);
});

test('the name of a group of commands alone shows how those are called', () => {
  const lines = helpFor(['sessions'])?.split('\n') ?? [];
  expect(lines[0]).toBe('  sessions list USER [--json]');
  expect(lines.at(-1)).toContain('end all sessions, or one');
  expect(helpFor(['users'])).not.toContain('invite');
  expect(helpFor(['users', 'list'])).toBeUndefined();
});
