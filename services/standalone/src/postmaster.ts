/** The server process of a cluster, as its pid file tells of it. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Lines of `postmaster.pid`, as PostgreSQL's miscinit.h numbers them. */
const PID_LINE = 0;
const PORT_LINE = 3;
const STATUS_LINE = 7;

/** How long a server that a killed process left behind may take to stop. */
const LEFTOVER_STOP_MS = 10_000;

/** True once the server with this process id takes connections. */
export function isReady(cluster: string, pid: number): boolean {
  const lines = readPidFile(cluster);
  return Number(lines[PID_LINE]) === pid && lines[STATUS_LINE]?.trim() === 'ready';
}

/** The port of a server that takes connections on this cluster; undefined when there is none. */
export function runningPort(cluster: string): number | undefined {
  const lines = readPidFile(cluster);
  const pid = Number(lines[PID_LINE]);
  const isRunning = Number.isInteger(pid) && pid > 1 && isServerOf(cluster, pid);
  return isRunning && isReady(cluster, pid) ? Number(lines[PORT_LINE]) : undefined;
}

/**
 * Stops the server that an earlier process, killed before it could, left running on this cluster. Does nothing when
 * there is none, or when the process that now has its id is another. Throws when it does not stop in time.
 */
export async function stopLeftover(cluster: string): Promise<void> {
  const pid = Number(readPidFile(cluster)[PID_LINE]);
  if (!Number.isInteger(pid) || pid <= 1 || !isServerOf(cluster, pid)) return;
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    process.kill(pid, signal);
    const deadline = Date.now() + LEFTOVER_STOP_MS / 2;
    while (Date.now() < deadline) {
      if (!isServerOf(cluster, pid)) return;
      await sleep(20);
    }
  }
  throw new Error(`an earlier PostgreSQL (process ${pid}) on ${cluster} does not stop`);
}

function readPidFile(cluster: string): string[] {
  try {
    return readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

/** Process ids are used again: only a process that was started on this cluster is ours to stop. */
function isServerOf(cluster: string, pid: number): boolean {
  const words = commandLine(pid);
  return words.includes('postgres') && words.includes(cluster);
}

function commandLine(pid: number): string {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    // No such process.
    return '';
  }
}
