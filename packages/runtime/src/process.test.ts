import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'process '));
});
afterAll(() => rmSync(directory, { recursive: true }));

const DOOR = pathToFileURL(join(import.meta.dirname, 'index.ts')).href;

const SCHEMA = `
  import { run, loadConfig, serverSection } from '${DOOR}';
  const schema = { object: serverSection(1) };
  const load = () => loadConfig(schema.object, { environment: process.env });
`;

interface Program {
  child: ChildProcess;
  output(): string;
  /** Resolves when the output holds the text. */
  says(text: string): Promise<void>;
  exit: Promise<unknown[]>;
}

let count = 0;

function start(source: string, options: { argv?: string[]; environment?: object } = {}): Program {
  const path = join(directory, `main${count++}.ts`);
  writeFileSync(path, SCHEMA + source);
  const child = spawn(process.execPath, [path, ...(options.argv ?? [])], {
    env: { PATH: process.env.PATH, ...options.environment },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  const hear = (data: Buffer) => {
    output += data;
    child.emit('said');
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  return {
    child,
    output: () => output,
    exit: once(child, 'exit'),
    async says(text) {
      while (!output.includes(text)) await once(child, 'said');
    },
  };
}

const SERVICE = `
  const timer = setInterval(() => {}, 1000);
  run(async () => ({
    ready: 'ready now',
    async close() {
      process.stdout.write('closing\\n');
      clearInterval(timer);
    },
  }), { check: load });
`;

test.each(['SIGTERM', 'SIGINT'] as const)(
  'it says when it is ready, closes on %s and exits with 0',
  async (signal) => {
    const program = start(SERVICE);
    await program.says('ready now\n');
    program.child.kill(signal);
    expect(await program.exit).toEqual([0, null]);
    expect(program.output()).toBe('ready now\nclosing\n');
  },
);

test('a signal during the start is kept until it has started', async () => {
  const program = start(`
    run(async () => {
      process.stdout.write('starting\\n');
      await new Promise((resolve) => setTimeout(resolve, 300));
      return { ready: 'ready', close: async () => void process.stdout.write('closing\\n') };
    });
  `);
  await program.says('starting');
  program.child.kill('SIGTERM');
  expect(await program.exit).toEqual([0, null]);
  expect(program.output()).toBe('starting\nclosing\n');
});

test('a second signal ends it at once', async () => {
  const program = start(`
    const timer = setInterval(() => {}, 1000);
    run(async () => ({ ready: 'ready', close: () => (process.stdout.write('closing\\n'), new Promise(() => {})) }));
  `);
  await program.says('ready');
  program.child.kill('SIGTERM');
  await program.says('closing');
  program.child.kill('SIGTERM');
  expect(await program.exit).toEqual([1, null]);
});

test('a shutdown that hangs ends all the same', async () => {
  const program = start(`
    const timer = setInterval(() => {}, 1000);
    const close = () => new Promise(() => {});
    run(async () => ({ ready: 'ready', close }), { shutdownMs: 1_000 });
  `);
  await program.says('ready');
  const started = performance.now();
  program.child.kill('SIGTERM');
  expect(await program.exit).toEqual([1, null]);
  expect(performance.now() - started).toBeGreaterThan(990);
});

test('a configuration that is not valid exits with 78 and one message', async () => {
  const program = start('run(async () => { load(); return { close: async () => {} }; });', {
    environment: { SERVER_PORT: 'hunter2' },
  });
  expect(await program.exit).toEqual([78, null]);
  expect(program.output()).toContain('port (SERVER_PORT)');
  expect(program.output()).not.toContain('hunter2');
});

test('a start that fails exits with 1 and one line', async () => {
  const program = start(`run(async () => { throw new Error('no database'); });`);
  expect(await program.exit).toEqual([1, null]);
  expect(JSON.parse(program.output())).toMatchObject({ error: { message: 'no database' } });
});

test('--check reads the configuration and starts nothing', async () => {
  const good = start(SERVICE, { argv: ['--check'] });
  expect(await good.exit).toEqual([0, null]);
  expect(good.output()).toBe('the configuration is valid\n');
  const bad = start(SERVICE, { argv: ['--check'], environment: { SERVER_PORT: '-1' } });
  expect(await bad.exit).toEqual([78, null]);
});
