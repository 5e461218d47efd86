/**
 * A PostgreSQL of our own: made at first start, kept running, stopped with us.
 *
 * The binaries are spawned directly, because the package's own start refuses root. The server listens on 127.0.0.1
 * alone, on a free port, with a password, and has no Unix socket.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, realpathSync, statSync, truncateSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeDirectory } from './directories.ts';
import { freePort } from './free-port.ts';
import { type PostgresBinaries, postgresBinaries } from './postgres-binaries.ts';
import { clusterExists, createCluster } from './postgres-cluster.ts';
import { isReady, stopLeftover } from './postmaster.ts';
import { type Account, daemonAccount, launchAs } from './unprivileged.ts';

export interface EmbeddedPostgresOptions {
  /** Holds the cluster in `data`. Made if absent. */
  directory: string;
  /** Of the superuser `postgres`; given to the cluster when it is made. */
  password: string;
  /** What the server has to say. Emptied at a start that finds more than 10 MiB in it. */
  logFile: string;
  /** Settings of the server beyond our own. */
  settings?: Readonly<Record<string, string | number>>;
  /** The server ended by itself and cannot be brought back. */
  onFailure?: (error: Error) => void;
}

export interface EmbeddedPostgres {
  port: number;
  /** Ends all sessions and stops the server, everything written. */
  close(): Promise<void>;
}

/** After a crash the server replays its log before it is ready. */
const START_MS = 60_000;

/** A port that was free may be taken a moment later, and memory of a killed server is freed with a delay. */
const START_ATTEMPTS = 4;
const START_PAUSE_MS = 250;

/** An orderly stop takes a moment; after that the server is told to leave at once, and recovers at its next start. */
const STOP_MS = 4_000;

/** A server that ends by itself is brought back this often in a minute; beyond that something is wrong for good. */
const RESTARTS_MAX = 5;
const RESTARTS_WINDOW_MS = 60_000;

const LOG_BYTES_MAX = 10 * 1024 * 1024;

/**
 * Starts the server, and makes its cluster when there is none. Stops one that a killed process left behind first.
 * Rejects with a one-line error when it cannot start. Only one process may call this for a directory at a time.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const site = await prepare(options);
  const port = await freePort();
  const server = await startWithRetries({ ...site, port }, freePort);
  return supervise(server, options.onFailure);
}

/** Everything that a start needs to know. */
interface Site {
  binaries: PostgresBinaries;
  account: Account | undefined;
  cluster: string;
  logFile: string;
  settings: EmbeddedPostgresOptions['settings'];
}

interface Place extends Site {
  port: number;
}

interface Server extends Place {
  child: ChildProcess;
}

async function prepare(options: EmbeddedPostgresOptions): Promise<Site> {
  // Others may pass, so that an unprivileged server reaches its cluster; nobody may list.
  makeDirectory(options.directory, 0o711);
  const directory = realpathSync(options.directory);
  const cluster = join(directory, 'data');
  const site = {
    binaries: postgresBinaries(),
    account: daemonAccount(cluster),
    cluster,
    logFile: options.logFile,
    settings: options.settings,
  };
  refuseForeignCluster(cluster);
  await stopLeftover(cluster);
  if (!clusterExists(cluster)) await createCluster({ ...site, password: options.password });
  return site;
}

function refuseForeignCluster(cluster: string): void {
  const owner = statSync(cluster, { throwIfNoEntry: false })?.uid;
  const me = process.getuid?.();
  if (owner === undefined || me === undefined || me === 0 || owner === me) return;
  throw new Error(
    `${dirname(cluster)} belongs to user id ${owner}: start as that user, or as root`,
  );
}

async function startWithRetries(place: Place, nextPort: () => Promise<number>): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startServer(place);
    } catch (error) {
      if (attempt === START_ATTEMPTS) throw error;
      await sleep(START_PAUSE_MS * attempt);
      place = { ...place, port: await nextPort() };
    }
  }
}

async function startServer(place: Place): Promise<Server> {
  const { binaries, account, cluster } = place;
  const launch = launchAs(
    account,
    [binaries.postgres, '-D', cluster, ...settings(place)],
    [binaries.postgres, cluster],
  );
  const log = openLog(place.logFile);
  // In a process group of its own: Ctrl+C in a terminal is for us, who stop the server last.
  const child = spawn(launch.command, launch.argv, {
    stdio: ['ignore', log, log],
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    detached: true,
    ...launch.account,
  });
  closeSync(log);
  // Whatever ends this process, the server must not outlive it.
  const abandon = (): void => void child.kill('SIGINT');
  process.on('exit', abandon);
  child.once('exit', () => process.off('exit', abandon));
  await ready(child, place);
  return { ...place, child };
}

/** The log holds no statements and no values: they carry what people wrote and who they are. */
function settings({ port, settings: more }: Place): string[] {
  const values = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    fsync: 'on',
    synchronous_commit: 'on',
    password_encryption: 'scram-sha-256',
    log_error_verbosity: 'terse',
    log_min_error_statement: 'panic',
    log_checkpoints: 'off',
    // Whole pages go into the log after each checkpoint: fewer of those, and smaller pages.
    checkpoint_timeout: '15min',
    wal_compression: 'on',
    // Our statements run for milliseconds; to compile one would take longer.
    jit: 'off',
    ...more,
  };
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

function openLog(path: string): number {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_BYTES_MAX) truncateSync(path);
  return openSync(path, 'a', 0o600);
}

async function ready(child: ChildProcess, { cluster, logFile }: Site): Promise<void> {
  let failure: Error | undefined;
  child.once('error', (error) => {
    failure = error;
  });
  const deadline = Date.now() + START_MS;
  while (failure === undefined && isRunning(child) && Date.now() < deadline) {
    if (child.pid !== undefined && isReady(cluster, child.pid)) return;
    await sleep(10);
  }
  child.kill('SIGQUIT');
  throw new Error(`PostgreSQL did not start: ${failure?.message ?? `${logFile} says why`}`);
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

/** Brings back a server that ends by itself, on the same port, so that pools find it again. */
function supervise(
  started: Server,
  onFailure: EmbeddedPostgresOptions['onFailure'],
): EmbeddedPostgres {
  let server = started;
  let closing = false;
  let restarting: Promise<void> | undefined;
  let restarts: number[] = [];
  const watch = (): void => {
    server.child.once('exit', () => {
      if (!closing) restarting = restart().catch((error) => onFailure?.(error));
    });
  };
  const restart = async (): Promise<void> => {
    restarts = [...restarts.filter((at) => at > Date.now() - RESTARTS_WINDOW_MS), Date.now()];
    if (restarts.length > RESTARTS_MAX) throw new Error('PostgreSQL ends again and again');
    server = await startWithRetries(server, async () => started.port);
    watch();
  };
  watch();
  return {
    port: started.port,
    async close() {
      closing = true;
      await restarting;
      await stop(server.child);
    },
  };
}

/** SIGINT ends sessions and stops in order, SIGQUIT stops at once. */
async function stop(child: ChildProcess): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    child.kill(signal);
    const deadline = Date.now() + STOP_MS;
    while (isRunning(child) && Date.now() < deadline) await sleep(5);
    if (!isRunning(child)) return;
  }
}
