/** Processes that do a piece of work, one life after the other. The next one is started ahead, and waits. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Work } from './work.ts';

const PROGRAM = fileURLToPath(new URL('mortal-process.ts', import.meta.url));

/** A life that takes longer hangs. */
const LIFE_MS = 90_000;

export interface Lives {
  /** Lives once. Hears the code that a new device shows. Rejects when the process ends by itself with an error. */
  live(work: Work, onCode?: (code: string) => void): Promise<'killed' | { points: number }>;
  close(): Promise<void>;
}

/** Starts the first of them. */
export function openLives(): Lives {
  let next = start();
  return {
    async live(work, onCode) {
      const life = next;
      next = start();
      return await liveOn(life, work, onCode);
    },
    async close() {
      await end(next);
    },
  };
}

interface Life {
  child: ChildProcess;
  errors: () => string;
}

function start(): Life {
  const child = spawn(process.execPath, [PROGRAM], { stdio: ['pipe', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  return { child, errors: () => errors };
}

async function liveOn(
  { child, errors }: Life,
  work: Work,
  onCode: (code: string) => void = () => undefined,
): Promise<'killed' | { points: number }> {
  let points: number | undefined;
  if (child.stdout === null || child.stdin === null) throw new Error('a process without pipes');
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [word, rest = ''] = line.split(' ');
    if (word === 'code') onCode(rest);
    if (word === 'done') points = Number(rest);
  });
  child.stdin.write(`${JSON.stringify(work)}\n`);
  const timer = setTimeout(() => child.kill('SIGTERM'), LIFE_MS);
  const [code, signal] = await once(child, 'close');
  clearTimeout(timer);
  if (signal === 'SIGKILL') return 'killed';
  if (code === 0 && points !== undefined) return { points };
  throw new Error(`${work.task} at ${work.killAt} ended with ${code ?? signal}: ${errors()}`);
}

async function end({ child }: Life): Promise<void> {
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}
