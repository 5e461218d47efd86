/** `npm run demo` as a child: two people who talk through a platform, step by step. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { COMPILE_CACHE } from './compile-cache.ts';

export interface DemoStep {
  /** From 1. */
  number: number;
  title: string;
}

export interface DemoOptions {
  url: string;
  /** Where accounts, keys and progress are kept; a demo on the same directory goes on where the last one ended. */
  directory: string;
  /** Hidden in every text and file name. */
  canary?: string;
  /** Called when a step is done. */
  onStep?: (step: DemoStep) => void;
}

export interface Demo {
  /** Resolves to what it wrote once it has ended with 0; rejects with that otherwise. */
  done: Promise<string>;
  kill(): void;
}

const root = fileURLToPath(new URL('..', import.meta.url));

/** Starts it. */
export function startDemo({ url, directory, canary, onStep }: DemoOptions): Demo {
  const words = canary === undefined ? [] : ['--canary', canary];
  const child = spawn(
    process.execPath,
    ['scripts/demo.ts', '--url', url, '--data', directory, ...words],
    {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: '/usr/bin:/bin', ...COMPILE_CACHE },
    },
  );
  return { done: read(child, onStep), kill: () => void child.kill('SIGKILL') };
}

function read(child: ChildProcess, onStep: DemoOptions['onStep']): Promise<string> {
  let output = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      output += `${line}\n`;
      const [, number, title = ''] = /^ {0,2}(\d+) {2}(\S.*)$/.exec(line) ?? [];
      if (number !== undefined) onStep?.({ number: Number(number), title });
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new Error(`the demo ended with ${code ?? signal}:\n${output}`));
    });
  });
}
