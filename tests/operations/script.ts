/** A command of the operator, run as `npm run` does. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { COMPILE_CACHE } from '../compile-cache.ts';

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Command {
  child: ChildProcess;
  ended: Promise<Ended>;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** None outlives the tests. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts `scripts/NAME.ts`, or another file named from the root, with exactly these variables. */
export function startScript(
  name: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Command {
  const file = name.endsWith('.ts') ? name : `scripts/${name}.ts`;
  const env = { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', ...COMPILE_CACHE, ...environment };
  return startProcess(process.execPath, [file, ...words], { cwd: root, env });
}

/** Runs it to its end. */
export function runScript(
  name: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  return startScript(name, words, environment).ended;
}

interface Place {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Runs any program to its end. */
export function runProcess(
  program: string,
  words: readonly string[],
  place: Place,
): Promise<Ended> {
  return startProcess(program, words, place).ended;
}

function startProcess(program: string, words: readonly string[], place: Place): Command {
  const child = spawn(program, words, { ...place, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      running.delete(child);
      resolve({ code, stdout, stderr });
    });
  });
  return { child, ended };
}
