/** How far the resident memory of processes grows, by the kernel's own mark of the highest: nothing is missed between looks. */
import { readFileSync, writeFileSync } from 'node:fs';

const KIB_PER_MIB = 1024;

/** Lowers a process's mark to what it holds now, and gives back what tells how far it has risen since, in MiB. */
export function watchPeak(pid: number): () => number {
  // "To reset the peak resident set size": proc(5), of clear_refs.
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  const before = field(pid, 'VmRSS');
  return () => (field(pid, 'VmHWM') - before) / KIB_PER_MIB;
}

/** What a process holds now, in MiB. */
export function residentMiB(pid: number): number {
  return field(pid, 'VmRSS') / KIB_PER_MIB;
}

function field(pid: number, name: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  if (kib === undefined) throw new Error(`process ${pid} has no ${name}`);
  return Number(kib);
}
