/** The platform that the demo runs against: one that is given, or the standalone one as a child process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { runningUrl } from '../../services/standalone/src/running.ts';

export interface DemoPlatform {
  readonly url: string;
  /** Aborts when the platform ends before the demo does. */
  readonly ended: AbortSignal;
  stop(): Promise<void>;
}

/** The first start unpacks a database; the issue promises a minute. */
const START_MS_MAX = 90_000;
const STOP_MS_MAX = 15_000;

/** What listens answers much sooner. */
const ANSWER_MS_MAX = 3_000;

/** A platform that runs already; stopping it is not ours. Rejects when nothing answers there. */
export async function givenPlatform(url: string): Promise<DemoPlatform> {
  try {
    await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(ANSWER_MS_MAX) });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const code = cause instanceof Error && 'code' in cause ? cause.code : 'no answer';
    throw new Error(`no platform answers at ${url} (${code})`, { cause: error });
  }
  return { url, ended: new AbortController().signal, stop: async () => {} };
}

/** A platform whose demo was killed stops by itself, but holds its data until it has. */
const HELD = /another platform is running/;
const HELD_MS_MAX = 15_000;

/**
 * The platform that runs on the data directory, or a standalone one, started on a free port. Rejects when that does not
 * say that it is ready.
 */
export async function findPlatform(root: string, dataDirectory: string): Promise<DemoPlatform> {
  const deadline = Date.now() + HELD_MS_MAX;
  for (;;) {
    const url = runningUrl(dataDirectory);
    if (url?.startsWith('https:')) {
      throw new Error(
        `the platform on ${dataDirectory} (${url}) has a certificate of its own: stop it, or set DATA_DIR`,
      );
    }
    try {
      if (url === undefined) return await startOnce(root);
      // One that was killed may seem to run, as its process id is used again.
      return await givenPlatform(url).catch(() => startOnce(root));
    } catch (error) {
      if (!(error instanceof Error) || !HELD.test(error.message) || Date.now() > deadline)
        throw error;
      await sleep(500);
    }
  }
}

async function startOnce(root: string): Promise<DemoPlatform> {
  const child = spawn(process.execPath, ['services/standalone/src/main.ts'], {
    cwd: root,
    env: { ...process.env, SERVER_PORT: '0' },
    // The channel tells the platform when the demo is gone, however it ends.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let said = '';
  child.stderr?.on('data', (data) => {
    said = `${said}${data}`.slice(-2000);
  });
  const ended = new AbortController();
  child.once('close', (code, signal) => {
    const how = signal ?? `exit code ${code}`;
    ended.abort(new Error(`the platform ended (${how}) ${said.trim()}`.trim()));
  });
  const late = AbortSignal.timeout(START_MS_MAX);
  const url = await readyUrl(child, AbortSignal.any([ended.signal, late]));
  return { url, ended: ended.signal, stop: () => stop(child) };
}

async function readyUrl(child: ChildProcess, signal: AbortSignal): Promise<string> {
  const lines = createInterface({ input: child.stdout! });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  lines.on('line', (line) => {
    const url = /^ready (http\S+)$/.exec(line)?.[1];
    if (url !== undefined) resolve(url);
  });
  signal.addEventListener('abort', () => reject(signal.reason));
  try {
    return await promise;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
  await exited;
  clearTimeout(timer);
}
