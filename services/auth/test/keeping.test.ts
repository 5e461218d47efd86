/** What a running service removes by itself because it is old. */
import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
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
         authenticated_at, renewed_at) values (gen_random_uuid(), $2, $1, $3, '\\x00', $3, $3, $3, $3)`,
      row.slice(0, 3),
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
