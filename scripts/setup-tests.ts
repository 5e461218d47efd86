/**
 * Installs what tests and benchmarks run: on Debian and its kin, as root. Anywhere else it says what is missing, and
 * fails when a test needs it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { findProgram } from '../tests/daemon.ts';
import { type Missing, missingPrograms, missingServers } from '../tests/servers.ts';

/** Debian asks this program whether a package may start its service. */
const POLICY = '/usr/sbin/policy-rc.d';
const REFUSE = '#!/bin/sh\nexit 101\n';

/** True when this process may install Debian's packages. */
export function canInstall(): boolean {
  return process.getuid?.() === 0 && findProgram('apt-get', process.env.PATH ?? '') !== undefined;
}

/** Installs what is found missing, without starting any service of the system. Returns what is missing still. */
export function installMissing(find: typeof missingServers): Missing[] {
  const missing = find(process.env);
  if (missing.length === 0) return [];
  const packages = missing.flatMap((one) => one.packages);
  console.error(`installing ${packages.join(', ')}`);
  withoutServices(() => {
    // The lists may be absent or name versions that are gone: they are fetched when the first try fails.
    if (!aptGet('install', packages)) {
      aptGet('update', []);
      aptGet('install', packages);
    }
  });
  return find(process.env);
}

/** One clear line for each. */
export function reportMissing(missing: readonly Missing[]): void {
  for (const { name, howTo } of missing) console.error(`${name} is missing: ${howTo}`);
}

function withoutServices(install: () => void): void {
  const ours = !existsSync(POLICY);
  if (ours) writeFileSync(POLICY, REFUSE, { mode: 0o755 });
  try {
    install();
  } finally {
    if (ours) rmSync(POLICY, { force: true });
  }
}

function aptGet(command: string, packages: readonly string[]): boolean {
  const { status } = spawnSync(
    'apt-get',
    ['-q', '-y', '-o', 'Dpkg::Use-Pty=0', command, '--no-install-recommends', ...packages],
    { stdio: ['ignore', 2, 2], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } },
  );
  return status === 0;
}

const USAGE = `usage: npm run setup-tests

Installs what tests and benchmarks run: on Debian and its kin, as root. Anywhere else it says what is
missing, and ends with 1 when a test needs it.`;

if (import.meta.main) {
  const isHelp = process.argv.slice(2).some((word) => word === '--help' || word === '-h');
  if (isHelp) console.log(USAGE);
  else setUp();
}

function setUp(): void {
  if (missingPrograms(process.env).length > 0 && !canInstall()) {
    console.error(
      'nothing can be installed by this user here; as root on Debian: sudo npm run setup-tests',
    );
  }
  const left = canInstall() ? installMissing(missingPrograms) : missingPrograms(process.env);
  reportMissing(left);
  if (left.length === 0) console.log('everything that tests and benchmarks need is there');
  // A benchmark goes without what it cannot compare with.
  process.exitCode = missingServers(process.env).length === 0 ? 0 : 1;
}
