/** What a running service removes by itself because it is old. */
import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPlatform, type TestPlatform } from './platform.fixture.ts';

let platform: TestPlatform;

beforeAll(async () => {
  platform = await openPlatform();
  await platform.start();
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
