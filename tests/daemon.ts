/** A program that runs in the foreground as long as a test needs it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Daemon {
  pid: number;
  /** Ends it: by SIGTERM, then by SIGKILL. */
  stop(): Promise<void>;
}

export interface DaemonOptions {
  /** What it has to say; the end of it is quoted when it does not start. */
  logFile: string;
  /** True once it serves. May throw as long as it does not. */
  isReady: () => Promise<boolean>;
  environment?: Record<string, string>;
}

const READY_MS = 60_000;
const STOP_MS = 3_000;

/** Where servers lie that an ordinary user's PATH does not list. */
const MORE_PLACES = [
  '/usr/sbin',
  '/usr/local/sbin',
  '/sbin',
  '/usr/local/bin',
  '/opt/homebrew/bin',
];

/** The path of a program on this machine, or undefined. */
export function findProgram(name: string, searchPath: string): string | undefined {
  return [...searchPath.split(delimiter), ...MORE_PLACES]
    .filter((place) => place !== '')
    .map((place) => join(place, name))
    .find((path) => existsSync(path));
}

/** Starts a program in a process group of its own and waits until it serves. Leaves nothing when it does not. */
export async function startDaemon(
  command: readonly [string, ...string[]],
  options: DaemonOptions,
): Promise<Daemon> {
  const [program, ...argv] = command;
  const log = openSync(options.logFile, 'a');
  const child = spawn(program, argv, {
    stdio: ['ignore', log, log],
    detached: true,
    env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', ...options.environment },
  });
  closeSync(log);
  const abandon = (): void => void child.kill('SIGKILL');
  process.on('exit', abandon);
  const stop = async (): Promise<void> => {
    await stopChild(child);
    process.off('exit', abandon);
  };
  try {
    const pid = await started(child);
    await waitFor(async () => {
      if (!isRunning(child)) throw new Ended();
      return options.isReady();
    }, READY_MS);
    return { pid, stop };
  } catch (cause) {
    await stop();
    const said = readFileSync(options.logFile, 'utf8').trim().split('\n').slice(-5).join('\n');
    throw new Error(`${program} did not start:\n${said}`, { cause });
  }
}

class Ended extends Error {}

/** Resolves when the condition holds. Rejects when it does not within the deadline, with its last error. */
export async function waitFor(
  condition: () => Promise<boolean>,
  deadlineMs: number,
): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  let cause: unknown;
  while (Date.now() < deadline) {
    try {
      if (await condition()) return;
    } catch (error) {
      if (error instanceof Ended) throw error;
      cause = error;
    }
    await sleep(20);
  }
  throw new Error(`not within ${deadlineMs} ms`, { cause });
}

function started(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => resolve(child.pid ?? 0));
  });
}

async function stopChild(child: ChildProcess): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!isRunning(child)) return;
    child.kill(signal);
    const deadline = Date.now() + STOP_MS;
    while (isRunning(child) && Date.now() < deadline) await sleep(5);
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}
