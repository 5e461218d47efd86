/** Where the platform of a data directory runs, for whoever else works with that directory. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const Running = z.object({ pid: z.int().positive(), url: z.url() });

/** Writes down that this process serves the directory there. Forget it when it does so no longer. */
export function rememberRunning(dataDirectory: string, url: string): { forget(): void } {
  const path = fileOf(dataDirectory);
  writeFileSync(`${path}.new`, JSON.stringify({ pid: process.pid, url }), { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return { forget: () => rmSync(path, { force: true }) };
}

/** The address of the platform that runs on the directory; undefined when none does, or it was killed. */
export function runningUrl(dataDirectory: string): string | undefined {
  const running = Running.safeParse(read(fileOf(dataDirectory)));
  return running.success && isAlive(running.data.pid) ? running.data.url : undefined;
}

function fileOf(dataDirectory: string): string {
  return join(dataDirectory, 'running.json');
}

/** Undefined for what is absent or no JSON: then nobody is known to run. */
function read(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another user's process is one too.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
