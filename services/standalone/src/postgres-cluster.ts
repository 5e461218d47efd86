/** Making the files of a new PostgreSQL cluster, whole or not at all. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { PostgresBinaries } from './postgres-binaries.ts';
import { type Account, launchAs } from './unprivileged.ts';

export interface ClusterOptions {
  binaries: PostgresBinaries;
  /** Who the files belong to; we ourselves when left out. */
  account: Account | undefined;
  /** Where the cluster is to lie. */
  cluster: string;
  /** Of the superuser `postgres`. */
  password: string;
}

/** initdb writes some 40 MB and waits for the disk. */
const INITDB_MS = 120_000;

/** What a draft and its password file are called after the cluster's name; earlier versions had but one of each. */
const DRAFT = /^(\.\d+-[0-9a-f]{8})?\.(new|password)$/;

/** True when the directory holds a whole cluster. */
export function clusterExists(cluster: string): boolean {
  return existsSync(join(cluster, 'PG_VERSION'));
}

/**
 * Makes a cluster with one role, the superuser. Rejects with initdb's own last words when that fails. Only one process
 * may call this for a cluster at a time.
 */
export async function createCluster(options: ClusterOptions): Promise<void> {
  const { account, cluster, password } = options;
  removeDrafts(cluster);
  // A name that no start had before: the initdb of one that was killed may still be writing to its own.
  const name = `${cluster}.${process.pid}-${randomBytes(4).toString('hex')}`;
  const draft = `${name}.new`;
  const passwordFile = `${name}.password`;
  mkdirSync(draft, { mode: 0o700 });
  writeFileSync(passwordFile, password, { mode: 0o600 });
  try {
    if (account !== undefined) {
      for (const path of [draft, passwordFile]) chownSync(path, account.uid, account.gid);
    }
    await initdb({ ...options, cluster: draft }, passwordFile);
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(draft, cluster);
  // Again: what was still being written before is not any more, as its writer misses its files.
  removeDrafts(cluster);
}

/** Removes what interrupted starts left, as far as nobody adds to it at this moment. */
function removeDrafts(cluster: string): void {
  const directory = dirname(cluster);
  const prefix = basename(cluster);
  const drafts = readdirSync(directory).filter((name) => {
    return name.startsWith(prefix) && DRAFT.test(name.slice(prefix.length));
  });
  for (const draft of drafts) {
    try {
      rmSync(join(directory, draft), { recursive: true, force: true });
    } catch {
      // In the way of nobody, and gone the next time.
    }
  }
}

async function initdb(options: ClusterOptions, passwordFile: string): Promise<void> {
  const { binaries, account, cluster } = options;
  const launch = launchAs(
    account,
    [
      binaries.initdb,
      ...['--pgdata', cluster, '--username', 'postgres', '--pwfile', passwordFile],
      ...['--auth', 'scram-sha-256', '--encoding', 'UTF8', '--locale', 'C'],
      ...['--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8'],
    ],
    [binaries.initdb, cluster],
  );
  const child = spawn(launch.command, launch.argv, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    timeout: INITDB_MS,
    detached: true,
    ...launch.account,
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4_000);
  });
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`PostgreSQL could not be set up: ${lastLine(said)}`);
}

function lastLine(text: string): string {
  return (
    text
      .trim()
      .split('\n')
      .findLast((line) => /error|FATAL|PANIC/.test(line)) ?? 'no reason given'
  );
}
