/** The process may die at any step: what the upload says then is true, and it goes on to the end. */
import { randomBytes } from 'node:crypto';
import { ApiError } from '@sotto/api';
import type { Blobs } from '@sotto/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newUser, sha256 } from './client.fixture.ts';
import { type Platform, startPlatform } from './platform.fixture.ts';
import { begin, bring, checksumOf, download, PART, standing } from './resumable.fixture.ts';

/** The call of the store, counted from 1, that ends all; before it has done anything, or after. */
let fatal: { call: number; when: 'before' | 'after' } | undefined;
let calls = 0;
let dead = false;

let platform: Platform;
beforeAll(async () => {
  platform = await startPlatform({ store: 'directory', withBlobs: mortal });
});
afterAll(() => platform.close());

/** A store that a process has until it dies: from then on nothing of what it does arrives. */
function mortal(blobs: Blobs): Blobs {
  const live = async <T>(work: () => Promise<T>): Promise<T> => {
    const isLast = ++calls === fatal?.call;
    if (dead || (isLast && fatal?.when === 'before')) throw die();
    const done = await work();
    if (isLast) throw die();
    return done;
  };
  return {
    ...blobs,
    put: (key, body) => live(() => blobs.put(key, body)),
    async get(key, range) {
      const blob = await blobs.get(key, range);
      return live(async () => blob).catch(async (error) => {
        await blob?.body.cancel();
        throw error;
      });
    },
    delete: (key) => live(() => blobs.delete(key)),
    beginParts: (key) => live(() => blobs.beginParts(key)),
    putPart: (attempt, part) => live(() => blobs.putPart(attempt, part)),
    completeParts: (attempt, tags) => live(() => blobs.completeParts(attempt, tags)),
  };
}

function die(): ApiError {
  dead = true;
  return new ApiError('service.unavailable');
}

/** Pieces that are joined, and fill a part, and a last part that is one as it comes. */
const SIZES = [1000, 900, PART - 1900, 5];
const LENGTH = SIZES.reduce((sum, size) => sum + size, 0);

test.each([
  ['before', true],
  ['after', false],
] as const)(
  '%s each call of the store, with checksums: %s',
  async (when, isChecked) => {
    const bytes = randomBytes(LENGTH);
    for (let call = 1; ; call++) {
      const uploader = { user: newUser(), platform };
      const path = await begin(uploader, LENGTH);
      fatal = { call, when };
      calls = 0;
      let acknowledged = 0;
      for (const size of SIZES) {
        const body = bytes.subarray(acknowledged, acknowledged + size);
        const headers = isChecked ? checksumOf(body) : {};
        const answer = await bring(uploader, path, { offset: acknowledged, body, headers });
        if (answer.status !== 204) break;
        acknowledged += size;
      }
      const survived = !dead;
      fatal = undefined;
      dead = false;

      // Nothing that was acknowledged is gone, and the bytes up to there are those that were sent.
      const offset = Number(await standing(uploader, path));
      expect(offset).toBeGreaterThanOrEqual(acknowledged);
      const rest = { offset, body: bytes.subarray(offset) };
      expect((await bring(uploader, path, rest)).status).toBe(204);
      expect(sha256(await download(uploader, path))).toBe(sha256(bytes));
      if (survived) {
        expect(call).toBeGreaterThan(9);
        return;
      }
    }
  },
  60_000,
);
