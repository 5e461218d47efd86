/** What is brought in vain counts for the day: nobody gets more to the store than a day's bytes. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newUser, problemOf } from './client.fixture.ts';
import { type Platform, startPlatform } from './platform.fixture.ts';
import { ask, begin, bring, bringRaw, checksumOf, standing, TUS } from './resumable.fixture.ts';

const DAILY_BYTES = 200_000;
const LENGTH = 60_000;

let platform: Platform;
beforeAll(async () => {
  const environment = { FILE_DAILY_BYTES: String(DAILY_BYTES), FILE_UPLOAD_STALL: '500ms' };
  platform = await startPlatform({ store: 'directory', environment });
});
afterAll(() => platform.close());
const somebody = () => ({ user: newUser(), platform });

async function today({ user }: ReturnType<typeof somebody>): Promise<number | undefined> {
  const days = platform.database.query.selectFrom('usage_days').select('bytes');
  return (await days.where('owner', '=', user).executeTakeFirst())?.bytes;
}

test('bytes of another checksum than was announced count, also when their upload is given up', async () => {
  const uploader = somebody();
  const path = await begin(uploader, LENGTH);
  const wrong = { offset: 0, body: randomBytes(LENGTH), headers: checksumOf(randomBytes(1)) };
  for (let time = 0; time < 2; time++) {
    expect(await problemOf(await bring(uploader, path, wrong))).toBe(
      '460 upload.checksum-mismatch',
    );
  }
  expect(await today(uploader)).toBe(3 * LENGTH);
  await ask(uploader, path, { method: 'DELETE', headers: TUS });
  expect(await today(uploader)).toBe(2 * LENGTH);
});

test('so do those of a body with a checksum that stops; what is kept without one counts once', async () => {
  const uploader = somebody();
  const body = randomBytes(LENGTH);
  const path = await begin(uploader, LENGTH);
  for (const headers of [checksumOf(body), {}]) {
    const raw = bringRaw(uploader, path, { offset: 0, length: LENGTH, headers });
    raw.socket.write(body.subarray(0, 20_000));
    expect(await raw.answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(await today(uploader)).toBe(LENGTH + 20_000);
  }
  expect(await standing(uploader, path)).toBe(20_000);
});

test('once they are more than the day has, no upload of theirs goes on before midnight', async () => {
  const uploader = somebody();
  const path = await begin(uploader, LENGTH);
  const other = await begin(uploader, LENGTH);
  const body = randomBytes(LENGTH);
  const wrong = { offset: 0, body, headers: checksumOf(randomBytes(1)) };
  for (let time = 0; time < 2; time++) await bring(uploader, path, wrong);
  expect(await today(uploader)).toBeGreaterThan(DAILY_BYTES);
  const refused = await bring(uploader, other, { offset: 0, body });
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await problemOf(refused)).toBe('429 file.daily-limit');
  expect(await standing(uploader, other)).toBe(0);
});
