/**
 * Who a daemon runs as when we are root and it refuses to be.
 *
 * PostgreSQL will not run as root. It gets the account that owns its data, `nobody` at first. Where that account may
 * not go (a checkout below root's own home), it gets one capability more: to read and pass, never to write.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

export interface Account {
  uid: number;
  gid: number;
}

/** A command line, and the account that Node is to start it as. */
export interface Launch {
  command: string;
  argv: string[];
  account: Account | undefined;
}

/** The account for daemons when this process is root, else undefined: they run as we do. */
export function daemonAccount(directory: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = statSync(directory, { throwIfNoEntry: false });
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  return accountNamed('nobody');
}

/**
 * How to start a program as an account that must reach certain paths. Throws a one-line error when it cannot reach
 * them and the system has no way to let it.
 */
export function launchAs(
  account: Account | undefined,
  [command, ...argv]: [string, ...string[]],
  paths: readonly string[],
): Launch {
  if (account === undefined) return { command, argv, account };
  const closed = paths.map(closedAncestor).find((path) => path !== undefined);
  if (closed === undefined) return { command, argv, account };
  const wrapper = capabilityWrapper(account);
  if (spawnSync('setpriv', [...wrapper, '/bin/true'], { stdio: 'ignore' }).status !== 0) {
    throw new Error(
      `PostgreSQL runs as user id ${account.uid}, who may not enter ${closed}: ` +
        'move the checkout or the data directory, start as an ordinary user, or set DATABASE_URL',
    );
  }
  return { command: 'setpriv', argv: [...wrapper, command, ...argv], account: undefined };
}

/** no_setuid_fixup: without it access(2), which initdb asks, would look past the capability. */
function capabilityWrapper({ uid, gid }: Account): string[] {
  return [
    ...['--reuid', String(uid), '--regid', String(gid), '--clear-groups'],
    '--securebits=+no_setuid_fixup',
    '--inh-caps=+dac_read_search',
    '--ambient-caps=+dac_read_search',
  ];
}

/** The outermost directory above a path that not everyone may pass. */
function closedAncestor(path: string): string | undefined {
  const parent = dirname(path);
  const outer = parent === path ? undefined : closedAncestor(parent);
  if (outer !== undefined || parent === path) return outer;
  return (statSync(parent).mode & 0o001) === 0 ? parent : undefined;
}

function accountNamed(name: string): Account {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  // Where the file lists no such account (macOS has negative ids), the ids that stand for nobody everywhere else.
  return { uid: Number(uid ?? 65_534) >>> 0, gid: Number(gid ?? 65_534) >>> 0 };
}
