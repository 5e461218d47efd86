/** A Python that has what the example in `examples/` needs, and that example as a child of a test. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { findProgram, waitFor } from './daemon.ts';

/** The first Python here that has the package `websockets`: that of PYTHON, the one on the PATH, the system's. */
export function findPython(
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const { PYTHON, PATH = '' } = environment;
  const candidates = [PYTHON, findProgram('python3', PATH), '/usr/bin/python3'];
  return candidates.find((program) => program !== undefined && hasWebSockets(program));
}

function hasWebSockets(program: string): boolean {
  const { status } = spawnSync(program, ['-c', 'import websockets'], { stdio: 'ignore' });
  return status === 0;
}

export interface PythonOptions {
  python: string;
  url: string;
  /** The SQLite file of its device. */
  store: string;
  name: string;
}

/** One line of what a store has: `>` for its own messages, with their place, when they have one. */
export interface LogLine {
  direction: '<' | '>';
  seq: number | undefined;
  text: string;
}

/** The example, talking to somebody. */
export interface PythonClient {
  /** Types a line. Resolves when it is on disk in the outbox. */
  type(text: string): Promise<void>;
  /** Resolves when it has said something that matches. */
  said(pattern: RegExp): Promise<void>;
  output(): string;
  kill(): Promise<void>;
}

const program = fileURLToPath(new URL('../examples/python_client.py', import.meta.url));
const WAIT_MS = 60_000;

/** None outlives the tests. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts it. */
export function startPythonClient(options: PythonOptions, peer: string): PythonClient {
  const child = spawn(options.python, [...wordsOf(options), 'chat', peer], { env: ENVIRONMENT });
  running.add(child);
  child.once('exit', () => running.delete(child));
  // It may be killed while something is typed.
  child.stdin.on('error', () => undefined);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      output += `${line}\n`;
    });
  }
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const said = async (pattern: RegExp): Promise<void> => {
    await waitFor(async () => pattern.test(output) || hasEnded(), WAIT_MS).catch(() => undefined);
    if (!pattern.test(output)) throw new Error(`${options.name} never said ${pattern}:\n${output}`);
  };
  return {
    said,
    output: () => output,
    async type(text) {
      child.stdin.write(`${text}\n`);
      await said(new RegExp(`^- queued ${text}$`, 'm'));
    },
    async kill() {
      if (hasEnded()) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Runs one of the commands that end by themselves; what it wrote. */
export function runPython(options: PythonOptions, ...words: string[]): string {
  const argv = [...wordsOf(options), ...words];
  const { status, stdout, stderr } = spawnSync(options.python, argv, { env: ENVIRONMENT });
  if (status !== 0) throw new Error(String(stderr));
  return String(stdout);
}

/** What a store has, in the order of the conversation. */
export function readLog(options: PythonOptions): LogLine[] {
  return runPython(options, 'log')
    .split('\n')
    .flatMap((line) => {
      const [, direction, seq, text = ''] = /^([<>]) (\d+|-) \S+ (.*)$/.exec(line) ?? [];
      if (direction !== '<' && direction !== '>') return [];
      return { direction, seq: seq === '-' ? undefined : Number(seq), text };
    });
}

const ENVIRONMENT = { PATH: '/usr/bin:/bin', PYTHONDONTWRITEBYTECODE: '1', PYTHONUTF8: '1' };

function wordsOf({ url, store, name }: PythonOptions): string[] {
  const account = ['--name', name, '--password', 'a rather long passphrase'];
  return [program, '--url', url, '--store', store, ...account];
}
