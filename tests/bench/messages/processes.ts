/** What processes have used so far, by Linux's account of them. */
import { readdirSync, readFileSync } from 'node:fs';

interface Account {
  pid: number;
  parent: number;
  name: string;
  /** User and system, in seconds; counted in hundredths. */
  processorSeconds: number;
}

/** Processes and all that they have started, by names of ours where there are some. */
export interface Tree {
  name: string;
  pids: number[];
}

/** The trees below some processes, each under the name of its root. */
export function treesOf(roots: readonly number[], names: ReadonlyMap<number, string>): Tree[] {
  const all = accounts();
  return roots.map((root) => {
    const pids = [root];
    for (const pid of pids) {
      pids.push(...all.filter(({ parent }) => parent === pid).map((child) => child.pid));
    }
    const known = all.find(({ pid }) => pid === root)?.name ?? String(root);
    return { name: names.get(root) ?? known, pids };
  });
}

export function processorSeconds({ pids }: Tree): number {
  const wanted = new Set(pids);
  const own = accounts().filter(({ pid }) => wanted.has(pid));
  return own.reduce((sum, account) => sum + account.processorSeconds, 0);
}

/** Memory in KiB. What processes share counts once for each. */
export function residentKiB({ pids }: Tree): number {
  return pids.reduce((sum, pid) => {
    const status = read(`/proc/${pid}/status`) ?? '';
    return sum + Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  }, 0);
}

/** The processes that a process has started. */
export function childrenOf(parent: number): number[] {
  return accounts()
    .filter((account) => account.parent === parent)
    .map(({ pid }) => pid);
}

function accounts(): Account[] {
  return readdirSync('/proc').flatMap((name) => {
    const stat = /^\d+$/.test(name) ? read(`/proc/${name}/stat`) : undefined;
    if (stat === undefined) return [];
    // The second field is a name in parentheses, which may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return {
      pid: Number(name),
      parent: Number(fields[1]),
      name: stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')),
      processorSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
    };
  });
}

/** Undefined when the process has ended meanwhile. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}
