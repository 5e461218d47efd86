/**
 * A lock between processes, as a file that its holder keeps touching.
 *
 * It must work under Node 20, on file systems that containers share, and outlive no process: so neither an operating
 * system's lock nor a process id will do.
 */
import { randomUUID } from 'node:crypto';
import {
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A lock that was not touched for this long was left by a process that was killed. */
const STALE_MS = 20_000;
const TOUCH_MS = 2_000;

/** Between two looks; and how long the taker of a left lock waits to see whether another took it in the same moment. */
const LOOK_MS = 500;

/**
 * Takes the lock at `path` and resolves to the function that gives it back, or to undefined when `isNeedless` says so
 * while another process has it. A process that ends gives it back too. `onWait` is called once, when there is something
 * to wait for. Rejects when the file cannot be written.
 */
export async function takeLock(path, { isNeedless, onWait }) {
  const token = randomUUID();
  for (let waiting = false; !(create(path, token) || (await replaceLeft(path, token))); ) {
    if (!waiting) onWait();
    waiting = true;
    await sleep(LOOK_MS);
    if (isNeedless()) return undefined;
  }
  const touching = setInterval(() => isHeld(path, token) && touch(path), TOUCH_MS).unref();
  const release = () => {
    clearInterval(touching);
    process.off('exit', release);
    if (isHeld(path, token)) rmSync(path, { force: true });
  };
  process.on('exit', release);
  return release;
}

function create(path, token) {
  try {
    writeFileSync(path, token, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

async function replaceLeft(path, token) {
  const { mtimeMs = Date.now() } = statSync(path, { throwIfNoEntry: false }) ?? {};
  if (Date.now() - mtimeMs < STALE_MS) return false;
  const draft = `${path}.${token}`;
  writeFileSync(draft, token);
  renameSync(draft, path);
  await sleep(LOOK_MS);
  return isHeld(path, token);
}

function isHeld(path, token) {
  return existsSync(path) && readFileSync(path, 'utf8') === token;
}

function touch(path) {
  const now = new Date();
  utimesSync(path, now, now);
}
