/** A backup that is being made keeps blobs in the store: the rows that it has read name them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BACKUP_LOCK } from '../src/backup-pause.ts';
import { call, newUser, rows, stored } from './client.fixture.ts';
import { type Platform, startPlatform } from './platform.fixture.ts';
import { sweepOnce } from './sweep.fixture.ts';

let platform: Platform;
beforeAll(async () => {
  platform = await startPlatform({ store: 'directory' });
});
afterAll(() => platform.close());

test('a file that is deleted during a backup is hidden at once, and its blob goes when the backup is over', async () => {
  const owner = newUser();
  const file = await stored(platform, owner);
  const [row] = await rows(platform);
  const key = row?.blob_key ?? '';
  const backup = await platform.database.pool.connect();
  try {
    await backup.query('select pg_advisory_lock(hashtextextended($1, 0))', [BACKUP_LOCK]);
    expect((await call(platform, owner, file.id, { method: 'DELETE' })).status).toBe(204);
    expect((await call(platform, owner, file.id)).status).toBe(404);
    expect(await sweepOnce(platform)).toEqual({ failures: [], refused: [] });
    expect(await isThere(key)).toBe(true);
    expect(await rows(platform)).toEqual([{ state: 'deleting', blob_key: key }]);
  } finally {
    // With the connection goes the lock, as when a backup is killed.
    backup.release(true);
  }
  await expect
    .poll(async () => {
      await sweepOnce(platform);
      return [await isThere(key), await rows(platform)];
    })
    .toEqual([false, []]);
});

async function isThere(key: string): Promise<boolean> {
  const blob = await platform.blobs.get(key);
  await blob?.body.cancel();
  return blob !== undefined;
}
