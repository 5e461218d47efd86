/** How a NATS server of a cluster is begun, with programs in the place of the server and of what asks it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';

const SCRIPT = 'deployments/docker/nats-begin.sh';

test('a server that is led is left to run, and ends as it is told to', async () => {
  const { child, begun } = begin({ ledFrom: 1 });
  await vi.waitFor(() => expect(begun()).toBe(1), { timeout: 10_000 });
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([7, null]);
  expect(begun()).toBe(1);
});

test('a server that is led by nobody is begun again', async () => {
  const { child, begun } = begin({ ledFrom: 2 });
  await vi.waitFor(() => expect(begun()).toBe(2), { timeout: 10_000 });
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  child.kill('SIGTERM');
  await once(child, 'exit');
  expect(begun()).toBe(2);
});

test('a server without a majority is given twice the time with each attempt, up to a bound, and never given up', async () => {
  const { said, begun } = begin({ ledFrom: 99, ledWithinS: [2, 5] });
  await vi.waitFor(() => expect(begun()).toBeGreaterThan(7), { timeout: 20_000 });
  const waits = said().match(/\d+(?= s)/g);
  expect(waits?.slice(0, 7).map(Number)).toEqual([2, 4, 5, 5, 5, 5, 5]);
});

test('a server that answers nobody stops when it is told to', async () => {
  const { child, begun, asked } = begin({ ledFrom: 1, isHanging: true });
  await vi.waitFor(() => expect([begun(), asked()]).toEqual([1, 1]), { timeout: 10_000 });
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([7, null]);
}, 10_000);

test('one that is stopped before its server begins ends without a word', async () => {
  const { child, said, begun } = begin({ ledFrom: 1, isEarly: true });
  await vi.waitFor(() => expect(said()).toBe('waits\n'), { timeout: 10_000 });
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([143, null]);
  expect([said(), begun()]).toEqual(['waits\n', 0]);
});

test('a server that ends by itself is not begun again, and tells why by its code', async () => {
  const { child, begun } = begin({ ledFrom: 99, isBroken: true });
  expect(await once(child, 'exit')).toEqual([3, null]);
  expect(begun()).toBe(1);
});

interface Beginning {
  /** The attempt at which the server is led. */
  ledFrom: number;
  /** How long the first attempt waits for that, and the longest. */
  ledWithinS?: [number, number];
  /** The server ends by itself. */
  isBroken?: boolean;
  /** Whoever asks the server gets no answer. */
  isHanging?: boolean;
  /** It is long before its turn. */
  isEarly?: boolean;
}

/** Time passes a hundred times as fast for the script. */
function begin({ ledFrom, ledWithinS = [20, 600], ...is }: Beginning) {
  const directory = mkdtempSync(join(tmpdir(), 'sotto-nats-begin-'));
  const events = join(directory, 'events');
  const program = (name: string, body: string) =>
    writeFileSync(join(directory, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  program('sleep', is.isEarly ? 'echo waits >&2; exec /bin/sleep 20' : 'exec /bin/sleep 0.01');
  const runs = "trap 'exit 7' TERM; while :; do /bin/sleep 0.05; done";
  program('nats-server', `echo begun >>"${events}"; ${is.isBroken ? 'exit 3' : runs}`);
  const hangs = 'case "$*" in *"-T 2 "*) exec /bin/sleep 0.2 ;; *) exec /bin/sleep 20 ;; esac';
  const answers = `[ "$(grep -c begun "${events}")" -ge ${ledFrom} ] && echo '{"leader": "nats-1"}' || echo '{"peer": "x"}'`;
  program('wget', `echo asked >>"${events}"; ${is.isHanging ? hangs : answers}`);
  const [LED_WITHIN_S, LED_WITHIN_MAX_S] = ledWithinS.map(String);
  const PATH = `${directory}:${process.env.PATH}`;
  const child = spawn('sh', [SCRIPT, 'none.conf', '0'], {
    env: { PATH, LED_WITHIN_S, LED_WITHIN_MAX_S },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (data) => {
    said += data;
  });
  onTestFinished(async () => {
    if (child.exitCode === null && child.kill('SIGTERM')) await once(child, 'exit');
    rmSync(directory, { recursive: true, force: true });
  });
  const count = (event: string): number =>
    existsSync(events) ? readFileSync(events, 'utf8').split(event).length - 1 : 0;
  return { child, begun: () => count('begun'), asked: () => count('asked'), said: () => said };
}
