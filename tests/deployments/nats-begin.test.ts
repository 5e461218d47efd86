/** How a NATS server of a cluster is begun, with programs in the place of the server and of what asks it. */
import { type ChildProcess, spawn } from 'node:child_process';
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

test('a server without a majority is left to wait for it after five attempts', async () => {
  const { child, begun } = begin({ ledFrom: 99 });
  await vi.waitFor(() => expect(begun()).toBe(5), { timeout: 20_000 });
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect([begun(), child.exitCode]).toEqual([5, null]);
});

test('a server that ends by itself is not begun again, and tells why by its code', async () => {
  const { child, begun } = begin({ ledFrom: 99, isBroken: true });
  expect(await once(child, 'exit')).toEqual([3, null]);
  expect(begun()).toBe(1);
});

/** Time passes a hundred times as fast for the script. */
function begin({ ledFrom, isBroken = false }: { ledFrom: number; isBroken?: boolean }): {
  child: ChildProcess;
  begun(): number;
} {
  const directory = mkdtempSync(join(tmpdir(), 'sotto-nats-begin-'));
  const begins = join(directory, 'begins');
  const program = (name: string, body: string) =>
    writeFileSync(join(directory, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  program('sleep', 'exec /bin/sleep 0.01');
  program(
    'nats-server',
    `echo begun >>"${begins}"; ${isBroken ? 'exit 3' : "trap 'exit 7' TERM; while :; do /bin/sleep 0.05; done"}`,
  );
  program(
    'wget',
    `[ "$(grep -c begun "${begins}")" -ge ${ledFrom} ] && echo '{"leader": "nats-1"}' || echo '{"peer": "x"}'`,
  );
  const PATH = `${directory}:${process.env.PATH}`;
  const child = spawn('sh', [SCRIPT, 'none.conf', '0'], { env: { PATH }, stdio: 'ignore' });
  onTestFinished(async () => {
    if (child.exitCode === null && child.kill('SIGTERM')) await once(child, 'exit');
    rmSync(directory, { recursive: true, force: true });
  });
  const begun = () =>
    existsSync(begins) ? readFileSync(begins, 'utf8').trim().split('\n').length : 0;
  return { child, begun };
}
