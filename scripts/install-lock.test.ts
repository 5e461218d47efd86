import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

type Release = () => void;
interface Options {
  isNeedless: () => boolean;
  onWait: () => void;
}

/** The launcher runs before there is anything to compile, so its parts have no types. */
const module = new URL('./install-lock.mjs', import.meta.url).href;
const { takeLock }: { takeLock(path: string, options: Options): Promise<Release | undefined> } =
  await import(module);

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sotto-lock-'));
  path = join(directory, 'lock');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const never: Options = { isNeedless: () => false, onWait: () => undefined };

test('a second taker waits until the first gives the lock back', async () => {
  const release = await takeLock(path, never);
  let waited = 0;
  let taken = false;
  const second = takeLock(path, { ...never, onWait: () => void waited++ }).then((given) => {
    taken = true;
    return given;
  });
  await expect.poll(() => waited).toBe(1);
  expect(taken).toBe(false);
  release?.();
  (await second)?.();
  expect(existsSync(path)).toBe(false);
});

test('nobody waits for what another has done', async () => {
  const release = await takeLock(path, never);
  expect(await takeLock(path, { ...never, isNeedless: () => true })).toBeUndefined();
  release?.();
});

test('a lock that a killed process left is taken, by one of many', async () => {
  writeFileSync(path, 'of a process that was killed');
  const minuteAgo = Date.now() / 1000 - 60;
  utimesSync(path, minuteAgo, minuteAgo);
  let holders = 0;
  let most = 0;
  const takers = Array.from({ length: 3 }, async () => {
    const release = await takeLock(path, never);
    most = Math.max(most, ++holders);
    await new Promise((resolve) => setTimeout(resolve, 50));
    holders--;
    release?.();
  });
  await Promise.all(takers);
  expect(most).toBe(1);
});
