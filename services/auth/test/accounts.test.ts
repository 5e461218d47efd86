/** Accounts: made, recovered, their passwords changed; on a real PostgreSQL. */
import { randomUUID } from 'node:crypto';
import {
  type Body,
  changePassword,
  type Login,
  login,
  me,
  recover,
  refresh,
  register,
  renewRecoveryCode,
} from '@sotto/api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { insertInvite } from '../src/invite-store.ts';
import { codeDigest, makeCode } from '../src/secret-code.ts';
import {
  type Caller,
  openPlatform,
  PASSWORD,
  type TestPlatform,
  testConfig,
} from './platform.fixture.ts';

let platform: TestPlatform;
let auth: Caller;

beforeAll(async () => {
  platform = await openPlatform();
  auth = await platform.start();
});
afterAll(() => platform.close());

let names = 0;
const freshName = () => `Person${++names}`;
const bearer = ({ accessToken }: Login) => ({ token: `Bearer ${accessToken}` });
const NEW_PASSWORD = 'Another-h0rse';

async function newAccount(caller = auth, extra: Partial<Body<typeof register>> = {}) {
  const username = freshName();
  const { status, body } = await caller.send(register, {
    body: { username, password: PASSWORD, ...extra },
  });
  expect(status).toBe(201);
  return { ...register.response.parse(body), username };
}

async function newInvite(changes: { usesMax?: number; lifeMs?: number; isRevoked?: boolean } = {}) {
  const { usesMax = 1, lifeMs = 60_000, isRevoked = false } = changes;
  const code = makeCode();
  await insertInvite(platform.database.query, {
    id: randomUUID(),
    code_digest: codeDigest('invite', code),
    created_at: new Date(),
    expires_at: new Date(Date.now() + lifeMs),
    uses_max: usesMax,
    uses: 0,
    revoked_at: isRevoked ? new Date() : null,
  });
  return code;
}

describe('registration', () => {
  test('is closed to everybody where it is closed', async () => {
    const closed = await platform.start(testConfig({ registration: { mode: 'closed' } }));
    const body = { username: freshName(), password: PASSWORD, invite: await newInvite() };
    expect(await closed.problem(register, { body })).toMatchObject({
      code: 'auth.registration-closed',
      status: 403,
    });
  });

  test('by invitation takes a code as often as it says, in any spelling, and no other', async () => {
    const invited = await platform.start(testConfig({ registration: { mode: 'invite' } }));
    const code = await newInvite({ usesMax: 2 });
    const wrong = [
      undefined,
      'nonsense',
      makeCode(),
      await newInvite({ lifeMs: -1 }),
      await newInvite({ isRevoked: true }),
    ];
    for (const invite of wrong) {
      const body = { username: freshName(), password: PASSWORD, ...(invite && { invite }) };
      const problem = await invited.problem(register, { body });
      expect(problem).toMatchObject({ code: 'auth.invite-wrong', status: 403 });
    }
    await newAccount(invited, { invite: code });
    // A name that is taken uses nothing up.
    const { username } = await newAccount();
    const taken = { username, password: PASSWORD, invite: code };
    const problem = await invited.problem(register, { body: taken });
    expect(problem).toMatchObject({ code: 'auth.username-taken' });
    await newAccount(invited, { invite: code.toLowerCase().replaceAll('-', ' ') });
    const third = { username: freshName(), password: PASSWORD, invite: code };
    expect(await invited.problem(register, { body: third })).toMatchObject({
      code: 'auth.invite-wrong',
    });
  });

  test('of twenty at once with an invitation for three, three get in', async () => {
    const invited = await platform.start(testConfig({ registration: { mode: 'invite' } }));
    const invite = await newInvite({ usesMax: 3 });
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        invited.send(register, { body: { username: freshName(), password: PASSWORD, invite } }),
      ),
    );
    const made = answers.filter(({ status }) => status === 201);
    expect(made).toHaveLength(3);
    expect(answers.filter(({ status }) => status === 403)).toHaveLength(17);
  });

  test('keeps an e-mail address that nobody reads in the database', async () => {
    const email = 'someone.special@example.org';
    const account = await newAccount(auth, { email });
    expect((await auth.send(me, bearer(account))).body).toMatchObject({ email });
    const { rows } = await platform.database.pool.query(
      'select u::text as row, email from users u',
    );
    const hex = Buffer.from('someone.special').toString('hex');
    expect(JSON.stringify(rows)).not.toMatch(new RegExp(`someone\\.special|${hex}`));
    // Moved to another row it does not open.
    const other = await newAccount();
    await platform.database.pool.query(
      'update users set email = (select email from users where id = $1) where id = $2',
      [account.user, other.user],
    );
    expect(await auth.problem(me, bearer(other))).toMatchObject({ code: 'internal' });
  });

  test('answers no text with a fault of its own, whatever it is', async () => {
    for (const text of NAUGHTY) {
      const bodies = [
        { username: text, password: PASSWORD },
        { username: freshName(), password: text },
        { username: freshName(), password: PASSWORD, invite: text },
        { username: freshName(), password: PASSWORD, email: text },
      ];
      for (const body of bodies) {
        const { status } = await auth.send(register, { body });
        expect([201, 400, 422]).toContain(status);
      }
      const body = { username: text, recoveryCode: text, newPassword: NEW_PASSWORD };
      expect([400, 401, 429]).toContain((await auth.send(recover, { body })).status);
      expect([400, 401, 429]).toContain(
        (await auth.send(login, { body: { username: text, password: text } })).status,
      );
    }
  });

  test('takes a long password of any text, and knows it again', async () => {
    for (const text of NAUGHTY.filter((one) => !/[\0\ud800]/.test(one))) {
      const username = freshName();
      const password = `long enough ${text} for all`.slice(0, 256);
      await auth.register(username, password);
      expect((await auth.login({ username, password })).username).toBe(username);
    }
  });
});

const NAUGHTY = [
  '',
  ' ',
  'undefined',
  'NULL',
  '\0',
  'a\0b',
  '\ud800',
  '\u202etest\u202d',
  '田中さんにあげて下さい',
  '👾🙇💁‍♀️',
  'Ω≈ç√∫˜µ≤≥÷',
  '<script>alert(1)</script>',
  "1'; drop table users; --",
  '%00%0a{{7*7}}',
  '../../../../etc/passwd',
  'a'.repeat(256),
  '\u0000\u0001\u0007\u001b[31m',
  '-1e309',
  '{"$gt":""}',
];

describe('the recovery code', () => {
  test('sets a new password once: everything before ends, and another code takes its place', async () => {
    const account = await newAccount();
    const body = {
      username: account.username.toUpperCase(),
      recoveryCode: account.recoveryCode.toLowerCase().replaceAll('-', ''),
      newPassword: NEW_PASSWORD,
    };
    const { status, body: answer } = await auth.send(recover, { body });
    expect(status).toBe(200);
    const recovered = recover.response.parse(answer);
    expect(recovered).toMatchObject({ user: account.user, username: account.username });
    expect(recovered.device).not.toBe(account.device);
    expect(recovered.recoveryCode).not.toBe(account.recoveryCode);
    expect((await auth.send(me, bearer(recovered))).status).toBe(200);
    expect((await auth.send(me, bearer(account))).status).toBe(401);
    expect(
      await auth.problem(refresh, { body: { refreshToken: account.refreshToken } }),
    ).toMatchObject({ code: 'auth.refresh-invalid' });
    const { username } = account;
    expect(await auth.problem(login, { body: { username, password: PASSWORD } })).toMatchObject({
      code: 'auth.credentials-wrong',
    });
    await auth.login({ username, password: NEW_PASSWORD });
    expect(await auth.problem(recover, { body })).toMatchObject({ code: 'auth.recovery-wrong' });
  });

  test('of ten uses at once one counts', async () => {
    const { username, recoveryCode } = await newAccount();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        auth.send(recover, {
          body: { username, recoveryCode, newPassword: `${NEW_PASSWORD}${index}` },
          from: `198.51.100.${index}`,
        }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(401)]);
  });

  test('that is wrong, and an unknown user, get the same answer, to the byte', async () => {
    const { username } = await newAccount();
    const recoveryCode = makeCode();
    const ask = (name: string) =>
      auth.send(recover, { body: { username: name, recoveryCode, newPassword: NEW_PASSWORD } });
    const [wrong, unknown] = [await ask(username), await ask(freshName())];
    for (const answer of [wrong, unknown]) {
      answer.headers.delete('x-request-id');
      Object.assign(answer.body as object, { instance: undefined });
    }
    expect(wrong.status).toBe(401);
    expect(wrong.body).toEqual(unknown.body);
    expect([...wrong.headers]).toEqual([...unknown.headers]);
  });

  test('can be guessed five times, and then not even the right one helps', async () => {
    const { username, recoveryCode } = await newAccount();
    const from = '203.0.113.9';
    const body = { username, recoveryCode: makeCode(), newPassword: NEW_PASSWORD };
    for (let guess = 0; guess < 5; guess++) {
      expect(await auth.problem(recover, { body, from })).toMatchObject({ status: 401 });
    }
    expect(await auth.problem(recover, { body: { ...body, recoveryCode }, from })).toMatchObject({
      code: 'rate.limited',
    });
  });

  test('is renewed for the password, and the old one is none any more', async () => {
    const account = await newAccount();
    const wrong = { body: { password: 'Wrong-passw0rd' }, ...bearer(account) };
    expect(await auth.problem(renewRecoveryCode, wrong)).toMatchObject({
      code: 'auth.credentials-wrong',
    });
    const { body } = await auth.send(renewRecoveryCode, {
      body: { password: PASSWORD },
      ...bearer(account),
    });
    const { recoveryCode } = renewRecoveryCode.response.parse(body);
    const { username } = account;
    const old = { username, recoveryCode: account.recoveryCode, newPassword: NEW_PASSWORD };
    expect(await auth.problem(recover, { body: old })).toMatchObject({ status: 401 });
    expect((await auth.send(recover, { body: { ...old, recoveryCode } })).status).toBe(200);
    const { rows } = await platform.database.pool.query(
      "select user_id, session_id from audit_log where action = 'recovery-code.renewed' and user_id = $1",
      [account.user],
    );
    expect(rows).toEqual([{ user_id: account.user, session_id: account.session }]);
  });

  test('is nowhere in the database', async () => {
    const { recoveryCode } = await newAccount();
    const invite = await newInvite();
    const { rows } = await platform.database.pool.query(
      `select u::text as row from users u union all select i::text from invites i
       union all select o::text from outbox o union all select a::text from audit_log a`,
    );
    const written = JSON.stringify(rows);
    for (const code of [recoveryCode, invite]) {
      expect(written).not.toContain(code);
      expect(written).not.toContain(code.replaceAll('-', ''));
    }
  });
});

describe('changing the password', () => {
  test('ends every session but the one that did it', async () => {
    const account = await newAccount();
    const { username } = account;
    const other = await auth.login({ username, password: PASSWORD });
    const body = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD };
    expect((await auth.send(changePassword, { body, ...bearer(other) })).status).toBe(204);
    expect((await auth.send(me, bearer(other))).status).toBe(200);
    expect((await auth.send(me, bearer(account))).status).toBe(401);
    const old = { body: { username, password: PASSWORD } };
    expect(await auth.problem(login, old)).toMatchObject({ code: 'auth.credentials-wrong' });
    await auth.login({ username, password: NEW_PASSWORD });
  });

  test('names the rule that the new one breaks, and leaves everything as it was', async () => {
    const account = await newAccount();
    const body = { currentPassword: PASSWORD, newPassword: 'Password123!' };
    expect(await auth.problem(changePassword, { body, ...bearer(account) })).toMatchObject({
      code: 'auth.password-rule',
      fields: ['newPassword'],
    });
    await auth.login({ username: account.username, password: PASSWORD });
  });

  test('takes five wrong passwords from a session, and locks out no other', async () => {
    const account = await newAccount();
    const other = await auth.login({ username: account.username, password: PASSWORD });
    const wrong = { currentPassword: 'Wrong-passw0rd', newPassword: NEW_PASSWORD };
    for (let guess = 0; guess < 5; guess++) {
      const problem = await auth.problem(changePassword, { body: wrong, ...bearer(account) });
      expect(problem).toMatchObject({ code: 'auth.credentials-wrong' });
    }
    const right = { body: { currentPassword: PASSWORD, newPassword: NEW_PASSWORD } };
    expect(await auth.problem(changePassword, { ...right, ...bearer(account) })).toMatchObject({
      code: 'rate.limited',
    });
    expect((await auth.send(changePassword, { ...right, ...bearer(other) })).status).toBe(204);
  });

  test('leaves no session that was opened with the old one, however they meet', async () => {
    for (let round = 0; round < 5; round++) {
      const account = await newAccount();
      const { username } = account;
      const body = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD };
      const [, ...logins] = await Promise.all([
        auth.send(changePassword, { body, ...bearer(account) }),
        ...Array.from({ length: 6 }, () =>
          auth.send(login, { body: { username, password: PASSWORD } }),
        ),
      ]);
      for (const { status, body: opened } of logins) {
        if (status === 200) expect((await auth.send(me, bearer(opened as Login))).status).toBe(401);
        else expect(status).toBe(401);
      }
    }
  });
});
