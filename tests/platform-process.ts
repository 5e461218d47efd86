/** A process of the platform under test: started, asked, stopped in order, or killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { COMPILE_CACHE } from './compile-cache.ts';

/** A process that serves. */
export interface PlatformProcess {
  /** The origin that it printed. */
  url: string;
  pid: number;
  /** Everything that it wrote to its outputs so far. */
  output(): string;
  /** Asks it to stop, as an operator does. Resolves to its exit code. */
  stop(): Promise<number | null>;
  /** Ends it in the middle of whatever it does. */
  kill(): Promise<void>;
}

const root = fileURLToPath(new URL('..', import.meta.url));

/** None outlives the tests. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A first start makes a database cluster, beside whatever else the machine does. */
const READY_MS = 60_000;

/** Starts a `main.ts`, named from the root, with exactly these variables. Rejects with its output when it ends. */
export async function startProcess(
  main: string,
  environment: Readonly<Record<string, string>>,
  options: readonly string[] = [],
): Promise<PlatformProcess> {
  const child = spawn(process.execPath, [main, ...options], {
    cwd: root,
    env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', ...COMPILE_CACHE, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${main} is not ready after ${READY_MS} ms:\n${output}`));
    }, READY_MS);
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      reject(new Error(`${main} ended with ${code ?? signal}:\n${output}`));
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      output += `${line}\n`;
      const ready = /^ready (http\S+)$/.exec(line)?.[1];
      if (ready === undefined) return;
      clearTimeout(timer);
      resolve(ready);
    });
  });
  return {
    url,
    pid: child.pid ?? 0,
    output: () => output,
    async stop() {
      await end(child, 'SIGTERM');
      return child.exitCode;
    },
    kill: () => end(child, 'SIGKILL'),
  };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}
