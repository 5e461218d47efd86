/** A compose file, brought up under a project name of its own: its containers, and what can be done to them. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../services/standalone/src/free-port.ts';
import { NO_LIMITS } from '../../tests/cluster.ts';

const execute = promisify(execFile);

/** A first build fetches packages, and each container has two minutes to become healthy. */
export const UP_MS_MAX = 20 * 60_000;
const HEALTHY_SECONDS = 240;
/** WebSockets drain, databases write what they hold. */
export const DOWN_MS_MAX = 3 * 60_000;
const COMMAND_MS_MAX = 60_000;
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

export interface Container {
  readonly name: string;
  readonly service: string;
}

export interface StackOptions {
  /** The root of the checkout. */
  readonly root: string;
  readonly isCluster: boolean;
  /** Ends what waits. */
  readonly signal: AbortSignal;
}

export type Stack = Awaited<ReturnType<typeof openStack>>;

/** Says how the file is called, and starts nothing yet. Dispose of it: that removes containers, networks and volumes. */
export async function openStack({ root, isCluster, signal }: StackOptions) {
  const directory = mkdtempSync(join(tmpdir(), 'sotto-compose-'));
  const project = `sotto-verify-${randomUUID().slice(0, 8)}`;
  const [port, plainPort] = [await freePort(), await freePort()];
  const settings = join(directory, 'settings.env');
  const backups = makeFolderOfBackups(directory);
  writeFileSync(settings, settingsOf({ isCluster, port, plainPort, settings, backups }));
  const file = isCluster ? 'docker-compose.cluster.yml' : 'docker-compose.yml';
  const place = ['compose', '--project-name', project, '--file', file, '--env-file', settings];

  const docker = dockerIn(root, signal);
  const compose: Docker = (words, ...more) => docker([...place, ...words], ...more);

  return {
    directory,
    file,
    project,
    isCluster,
    /** Calls Docker, or Compose for this project, with some text to read. Rejects with what it says when it fails. */
    docker,
    compose,
    url: isCluster ? `https://localhost:${port}` : `http://localhost:${port}`,
    build: () => compose(['build'], UP_MS_MAX),
    /** Starts, and waits until all are healthy. Rejects with what the containers said last. */
    async up(): Promise<void> {
      const words = ['up', '--no-build', '--wait', '--wait-timeout', `${HEALTHY_SECONDS}`];
      await compose(words, UP_MS_MAX).catch(async (cause: unknown) => {
        signal.throwIfAborted();
        const said = await compose(['logs', '--no-color', '--tail', '10']);
        throw new Error(`${file} does not become healthy:\n${said}`, { cause });
      });
    },
    /** Removes the containers. Volumes stay. */
    down: () => compose(['down'], DOWN_MS_MAX),
    /** Removes the volumes, too. */
    lose: () => compose(['down', '--volumes'], DOWN_MS_MAX),
    /** The certificate that HAProxy has made itself. */
    certificate: () => compose(['exec', '-T', 'haproxy', 'cat', '/certificates/sotto.crt']),
    versions: () => docker(['version', '--format', 'Docker {{.Server.Version}}']),
    /** Those that run for as long as the platform does. */
    async containers(): Promise<Container[]> {
      const lines = (await compose(['ps', '--format', '{{.Name}} {{.Service}}'])).trim();
      return lines
        .split('\n')
        .map((line) => line.split(' '))
        .map(([name = '', service = '']) => ({ name, service }))
        .toSorted((one, other) => one.name.localeCompare(other.name));
    },
    kill: ({ name }: Container) => docker(['kill', name]),
    start: ({ name }: Container) => docker(['start', name]),
    /** Takes a container off its networks. Resolves to what puts it back, under the names that it had. */
    cutOff: ({ name }: Container) => cutOff(docker, name),
    async [Symbol.asyncDispose](): Promise<void> {
      // Whatever the signal says.
      const words = [...place, 'down', '--volumes', '--remove-orphans'];
      await execute('docker', words, { cwd: root, env: environment(), timeout: DOWN_MS_MAX });
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

type Docker = (words: readonly string[], timeout?: number, input?: string) => Promise<string>;

function dockerIn(root: string, signal: AbortSignal): Docker {
  return async (words, timeout = COMMAND_MS_MAX, input) => {
    const running = execute('docker', [...words], {
      ...{ cwd: root, env: environment(), timeout, maxBuffer: OUTPUT_BYTES_MAX, signal },
    });
    if (input !== undefined) {
      // Whoever ends without having read it says why by its code.
      running.child.stdin?.on('error', () => undefined).end(input);
    }
    return (await running).stdout;
  };
}

async function cutOff(docker: Docker, name: string): Promise<() => Promise<void>> {
  const aliases = networksOf(await docker(['inspect', name]));
  for (const network of aliases.keys()) await docker(['network', 'disconnect', network, name]);
  return async () => {
    for (const [network, names] of aliases) {
      const flags = names.flatMap((alias) => ['--alias', alias]);
      await docker(['network', 'connect', ...flags, network, name]);
    }
  };
}

/** Somebody's who is not root, where this may give files away. */
const STRANGER = 1_000;

function makeFolderOfBackups(directory: string): string {
  const folder = join(directory, 'backups');
  mkdirSync(folder, { mode: 0o700 });
  if (process.getuid?.() === 0) chownSync(folder, STRANGER, STRANGER);
  return folder;
}

/** What the docker client needs. What else is set here would go before the settings of this run. */
function environment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env);
  return Object.fromEntries(own.filter(([name]) => /^(PATH|HOME|DOCKER_.*)$/.test(name)));
}

/** Anybody may register, and nobody is slowed down. */
function settingsOf(given: {
  isCluster: boolean;
  port: number;
  plainPort: number;
  settings: string;
  backups: string;
}): string {
  const { isCluster, port, plainPort, settings, backups } = given;
  const lines = {
    SOTTO_ENV_FILE: settings,
    SOTTO_BACKUPS: backups,
    SOTTO_PORT: port,
    SOTTO_HTTPS_PORT: port,
    SOTTO_HTTP_PORT: plainPort,
    REGISTRATION_MODE: 'open',
    ...NO_LIMITS,
    // Behind a proxy, nobody counts as a neighbour.
    ...(isCluster && { LIMITS_REGISTER_PER_HOUR: NO_LIMITS.LIMITS_REGISTER_PER_HOUR_PRIVATE }),
  };
  return Object.entries(lines)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** The networks of a container, by name, and what it is called there. */
function networksOf(inspection: string): Map<string, string[]> {
  const [found]: [{ NetworkSettings: { Networks: Record<string, { Aliases: string[] | null }> } }] =
    JSON.parse(inspection);
  const networks = Object.entries(found.NetworkSettings.Networks);
  return new Map(networks.map(([name, { Aliases }]) => [name, Aliases ?? []]));
}
