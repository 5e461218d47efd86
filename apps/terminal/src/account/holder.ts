/** Who has a store open just now, so that whoever is refused can be told. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const NOTE = 'holder.json';

/** Notes that this process has the store of a folder. Gives back the function that takes the note away. */
export function noteHolder(folder: string, program: string): () => void {
  const path = join(folder, NOTE);
  const note = { pid: process.pid, program, since: new Date().toISOString() };
  writeFileSync(path, `${JSON.stringify(note)}\n`, { mode: 0o600 });
  return () => rmSync(path, { force: true });
}

/** Who that is, in words. The note of a process that was killed stays, so it is believed only of one that lives. */
export function holderWords(folder: string): string {
  const note = readNote(join(folder, NOTE));
  if (note === undefined || !isAlive(note.pid)) return 'another program has this account open';
  return `${note.program} (process ${note.pid}) has this account open`;
}

function readNote(path: string): { pid: number; program: string } | undefined {
  try {
    const note: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof note !== 'object' || note === null) return undefined;
    const { pid, program } = note as { pid?: unknown; program?: unknown };
    return typeof pid === 'number' && typeof program === 'string' ? { pid, program } : undefined;
  } catch {
    return undefined; // It went, or is only half written: there is nothing to tell then.
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
