/** Processes of this machine by their ids, as the kernel tells of them: on Linux, where the chaos runs. */
import { readdirSync, readFileSync } from 'node:fs';

/** Signals processes, past those that have just ended. */
export function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }
}

/** False also for one of whose end only its parent has yet to hear. */
export function isAlive(pid: number): boolean {
  const status = read(pid, 'status');
  return status !== '' && !/^State:\s+Z/m.test(status);
}

/** A process and its children, itself first. */
export function familyOf(parent: number): number[] {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => new RegExp(`^PPid:\\s+${parent}$`, 'm').test(read(pid, 'status')));
  return [parent, ...children];
}

/** What a process calls itself. */
export function titleOf(pid: number): string {
  return read(pid, 'cmdline');
}

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}
