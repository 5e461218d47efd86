/** The audit log: what is written, that it stays, and what goes after a day. */
import { randomUUID } from 'node:crypto';
import { changePassword, type Login, login, me, register, UserId } from '@sotto/api';
import { publishEvent, queryOn } from '@sotto/runtime';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { keepAuditPartitions } from '../src/audit-partitions.ts';
import { readAuditRows, removeOldSources } from '../src/audit-store.ts';
import { endSessions } from '../src/restored.ts';
import { type Caller, openPlatform, PASSWORD, type TestPlatform } from './platform.fixture.ts';

let platform: TestPlatform;
let auth: Caller;
const lines: { event: string; fields: object | undefined }[] = [];

beforeAll(async () => {
  platform = await openPlatform();
  const keep = (event: string, fields?: object) => void lines.push({ event, fields });
  const log = { debug: keep, info: keep, warn: keep, error: keep };
  auth = await platform.start(undefined, { log });
});
afterAll(() => platform.close());

let names = 0;
const freshName = () => `Audited${++names}`;
const bearer = ({ accessToken }: Login) => ({ token: `Bearer ${accessToken}` });
const query = (text: string, values: unknown[] = []) => platform.database.pool.query(text, values);

async function actionsOf(user: UserId): Promise<string[]> {
  const rows = await readAuditRows(platform.database.query, { user, limit: 100 });
  return rows.map(({ action }) => action).reverse();
}

test('what happens to an account is noted, with who and where, and a line in the log names the row', async () => {
  const username = freshName();
  const from = '192.0.2.7';
  const { user, device } = await auth.register(username);
  for (let failure = 0; failure < 5; failure++) {
    await auth.problem(login, { body: { username, password: 'Wrong-passw0rd' }, from });
  }
  const again = await auth.login({ username, password: PASSWORD, device });
  const body = { currentPassword: PASSWORD, newPassword: 'Another-h0rse' };
  await auth.send(changePassword, { body, ...bearer(again) });
  expect(await actionsOf(user)).toEqual([
    'account.registered',
    ...Array(5).fill('login.failed'),
    'login.locked',
    'login.succeeded',
    'password.changed',
  ]);
  const [first] = await readAuditRows(platform.database.query, { user, limit: 1 });
  expect(first).toMatchObject({ user_id: user, device_id: device, session_id: again.session });
  expect(lines).toContainEqual({
    event: 'audit',
    fields: { code: 'password.changed', entry: first?.id, count: 1 },
  });
  // The log leaves the machine; who somebody is does not leave with it.
  expect(JSON.stringify(lines)).not.toMatch(new RegExp(`${user}|${device}|${username}|${from}`));
});

test('an address is sealed, and gone after a day; the rest of the row stays', async () => {
  const username = freshName();
  const from = '198.51.100.23';
  const { user } = await auth.register(username);
  await auth.problem(login, { body: { username, password: 'Wrong-passw0rd' }, from });
  const { rows } = await query('select a::text as row from audit_log a where user_id = $1', [user]);
  const hex = Buffer.from(from).toString('hex');
  expect(JSON.stringify(rows)).not.toMatch(new RegExp(`${from.replaceAll('.', '\\.')}|${hex}`));
  const sealed = async () => {
    const found = await readAuditRows(platform.database.query, { user, limit: 10 });
    return found.filter(({ source }) => source !== null).length;
  };
  expect(await sealed()).toBe(1);
  await removeOldSources(platform.database.query);
  expect(await sealed()).toBe(1);
  // No row can be made older, so one that is old comes from another service.
  const at = new Date(Date.now() - 25 * 3_600_000).toISOString();
  const entry = { at, action: 'messages.sent', user, source: from, count: 7 } as const;
  await publishEvent(
    platform.bus,
    'events.audit.noted',
    { id: randomUUID(), entries: [entry] },
    randomUUID(),
  );
  await vi.waitFor(async () => expect(await actionsOf(user)).toContain('messages.sent'), 20_000);
  expect(await sealed()).toBe(1);
});

describe('the table', () => {
  test.each([
    ["update audit_log set action = 'login.succeeded'"],
    ['update audit_log set at = now()'],
    ["update audit_log set command = 'create'"],
    ['update audit_log set user_id = gen_random_uuid()'],
    ["update audit_log set source = '\\x00' where source is null"],
    ['delete from audit_log'],
    ['truncate audit_log'],
  ])('takes no %j', async (statement) => {
    const username = freshName();
    await auth.register(username);
    // One with an address, which may go.
    const body = { username, password: 'Wrong-passw0rd' };
    await auth.problem(login, { body, from: '192.0.2.7' });
    await expect(query(statement)).rejects.toMatchObject({ code: '23000' });
  });

  test('takes none in a partition either', async () => {
    const { rows } = await query(
      "select relname from pg_class where relname ~ '^audit_log_p' and relkind = 'r' order by 1",
    );
    expect(rows.length).toBeGreaterThanOrEqual(4);
    const tables: string[] = rows.map(({ relname }) => relname);
    for (const table of tables) {
      await expect(query(`truncate ${table}`)).rejects.toMatchObject({ code: '23000' });
    }
    const deletions = tables.map((table) => query(`delete from ${table}`));
    const outcomes = await Promise.allSettled(deletions);
    // All but those that are empty.
    expect(outcomes.some(({ status }) => status === 'rejected')).toBe(true);
  });

  test('lets whole months go that are older than a year, and no other', async () => {
    await query(
      `create table audit_log_p202001 partition of audit_log
       for values from ('2020-01-01+00') to ('2020-02-01+00')`,
    );
    const partitions = async () => {
      const { rows } = await query(
        "select count(*) as count from pg_inherits where inhparent = 'audit_log'::regclass",
      );
      return rows[0].count;
    };
    const before = await partitions();
    await Promise.all([
      keepAuditPartitions(platform.database),
      keepAuditPartitions(platform.database),
    ]);
    expect(await partitions()).toBe(before - 1);
  });
});

test('sessions of a database from an old backup, without a partition for today, are ended all the same', async () => {
  const client = await platform.database.pool.connect();
  // Undone in the end: the other tests need what goes here.
  await client.query('begin');
  try {
    const { rows } = await client.query<{ name: string }>(
      `select inhrelid::regclass::text as name from pg_inherits
       where inhparent = 'audit_log'::regclass`,
    );
    for (const { name } of rows) await client.query(`drop table ${name}`);
    await endSessions(queryOn(client));
    const noted = await client.query('select action from audit_log');
    expect(noted.rows).toEqual([{ action: 'admin.acted' }]);
  } finally {
    await client.query('rollback');
    client.release();
  }
});

test('what another service noted is written once, however often and late it comes', async () => {
  const user = UserId.parse(randomUUID());
  const now = Date.now();
  const noted = {
    id: randomUUID(),
    entries: [
      { at: new Date(now - 60_000).toISOString(), action: 'messages.sent', user, count: 12 },
      { at: new Date(now - 60_000).toISOString(), action: 'messages.sent', user, count: 1 },
      { at: '1999-01-01T00:00:00.000Z', action: 'identity.published', user },
    ] as const,
  };
  const entries = [...noted.entries];
  for (const message of ['a', 'b']) {
    await publishEvent(
      platform.bus,
      'events.audit.noted',
      { ...noted, entries },
      `${noted.id}${message}`,
    );
    await vi.waitFor(async () => expect(await actionsOf(user)).toContain('messages.sent'), 20_000);
  }
  const rows = await readAuditRows(platform.database.query, { user, limit: 10 });
  const sent = rows.filter(({ action }) => action === 'messages.sent');
  expect(sent.map(({ count }) => count).sort((a, b) => a - b)).toEqual([1, 12]);
  // A clock that is wrong by years finds its place too.
  expect(rows.some(({ action }) => action === 'identity.published')).toBe(true);
});

test('pages follow each other without a gap', async () => {
  const user = UserId.parse(randomUUID());
  const at = new Date().toISOString();
  const entries = Array.from({ length: 25 }, (_, index) => {
    return { at, action: 'messages.sent', user, count: index + 1 } as const;
  });
  await publishEvent(
    platform.bus,
    'events.audit.noted',
    { id: randomUUID(), entries },
    randomUUID(),
  );
  await vi.waitFor(async () => expect(await actionsOf(user)).toHaveLength(25), 20_000);
  const counts = new Set<number>();
  let before: { at: Date; id: string } | undefined;
  for (;;) {
    const page = await readAuditRows(platform.database.query, {
      user,
      limit: 10,
      ...(before && { before }),
    });
    for (const { count } of page) counts.add(count);
    before = page.at(-1);
    if (page.length < 10) break;
  }
  expect(counts.size).toBe(25);
});

test('an account that cannot be noted is not made', async () => {
  const username = freshName();
  await query('alter table audit_log rename to audit_log_hidden');
  const refused = await auth.send(register, { body: { username, password: PASSWORD } });
  await query('alter table audit_log_hidden rename to audit_log');
  expect(refused.status).toBe(500);
  const account = await auth.register(username);
  expect((await auth.send(me, bearer(account))).status).toBe(200);
});
