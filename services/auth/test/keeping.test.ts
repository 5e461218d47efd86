/** What a running service removes by itself because it is old. */
import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SESSIONS_AT_ONCE } from '../src/limits.ts';
import { forgetSessions } from '../src/session-keeping.ts';
import { type Caller, openPlatform, type TestPlatform } from './platform.fixture.ts';

let platform: TestPlatform;
let auth: Caller;

beforeAll(async () => {
  platform = await openPlatform();
  auth = await platform.start();
});
afterAll(() => platform.close());

const DAY_MS = 24 * 3_600_000;
const ago = (days: number) => new Date(Date.now() - days * DAY_MS);

test('an invitation is forgotten three months after it ended, and not before', async () => {
  const invite = async (expiresAt: Date, revokedAt: Date | null = null): Promise<string> => {
    const id = randomUUID();
    await platform.database.pool.query('insert into invites values ($1, $2, $3, $4, 1, 0, $5)', [
      id,
      randomBytes(32),
      ago(400),
      expiresAt,
      revokedAt,
    ]);
    return id;
  };
  await invite(ago(91));
  await invite(ago(-10), ago(91));
  const kept = [await invite(ago(89)), await invite(ago(-10), ago(1)), await invite(ago(-10))];
  await platform.start();
  const { rows } = await platform.database.pool.query('select id from invites');
  expect(rows.map(({ id }) => id).sort()).toEqual(kept.sort());
});

test('a device that was retired without ever having had keys is forgotten after a month, with its sessions', async () => {
  const { pool } = platform.database;
  const { user, device } = await auth.register('Keeper1');
  const retired = async (retiredAt: Date, hasKeys: boolean): Promise<string> => {
    const id = randomUUID();
    const row = [id, user, retiredAt, hasKeys];
    await pool.query(
      `insert into devices (id, user_id, created_at, logged_in_at, retired_at, has_keys)
       values ($1, $2, $3, $3, $3, $4)`,
      row,
    );
    await pool.query(
      `insert into sessions (id, user_id, device_id, created_at, refresh_salt, expires_at, ended_at,
         authenticated_at, renewed_at) values (gen_random_uuid(), $2, $1, $3, '\\x00', $4, $3, $3, $3)`,
      [...row.slice(0, 3), ago(-1)],
    );
    return id;
  };
  const old = await retired(ago(31), false);
  const kept = [await retired(ago(29), false), await retired(ago(400), true), device];
  await platform.start();
  const devices = await pool.query('select id from devices where user_id = $1', [user]);
  expect(devices.rows.map(({ id }) => id).sort()).toEqual(kept.sort());
  const sessions = await pool.query('select device_id from sessions where user_id = $1', [user]);
  expect(sessions.rows.map(({ device_id: id }) => id)).not.toContain(old);
  expect(sessions.rows).toHaveLength(3);
});

test('a session is forgotten a day after nobody could renew it, however many there are', async () => {
  const { pool, query } = platform.database;
  const { user, device, session } = await auth.register('Keeper2');
  const kept: string[] = [session];
  const insert = async (
    count: number,
    expiresAt: Date,
    endedAt: Date | null,
  ): Promise<string[]> => {
    const { rows } = await pool.query(
      `insert into sessions (id, user_id, device_id, created_at, refresh_salt, expires_at, ended_at,
         authenticated_at, renewed_at)
       select gen_random_uuid(), $1, $2, $3, '\\x00', $4, $5, $3, $3 from generate_series(1, $6)
       returning id`,
      [user, device, ago(400), expiresAt, endedAt, count],
    );
    return rows.map(({ id }) => id);
  };
  await insert(SESSIONS_AT_ONCE + 10, ago(2), null);
  await insert(10, ago(2), ago(40));
  kept.push(...(await insert(2, ago(0.5), null)));
  // Logged out lately: the device does not give way to another one before that.
  kept.push(...(await insert(2, ago(-10), ago(5))));
  await forgetSessions(query);
  const left = await pool.query('select id from sessions where user_id = $1', [user]);
  expect(left.rows.map(({ id }) => id).sort()).toEqual(kept.sort());
});
