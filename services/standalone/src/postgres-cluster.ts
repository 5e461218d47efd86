/** Making the files of a new PostgreSQL cluster, whole or not at all. */
import { spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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

/** True when the directory holds a whole cluster. */
export function clusterExists(cluster: string): boolean {
  return existsSync(join(cluster, 'PG_VERSION'));
}

/** Makes a cluster with one role, the superuser. Rejects with initdb's own last words when that fails. */
export async function createCluster(options: ClusterOptions): Promise<void> {
  const { account, cluster, password } = options;
  // A start that was interrupted leaves its draft; only a finished one gets the name.
  const draft = `${cluster}.new`;
  const passwordFile = `${cluster}.password`;
  rmSync(draft, { recursive: true, force: true });
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
