/** The protocol library's suite and that of the stores once more, in a worker of the browser: where a client runs. */
import { expect, test } from 'vitest';
import type { Outcome } from './suite-worker.ts';

test('every test of the protocol library and of the stores passes in a worker too', async () => {
  const outcomes = await runInWorker();
  expect(outcomes.filter(({ state }) => state !== 'pass')).toEqual([]);
  expect(outcomes.length).toBeGreaterThan(320);
}, 600_000);

async function runInWorker(): Promise<Outcome[]> {
  const worker = new Worker(new URL('./suite-worker.ts', import.meta.url), { type: 'module' });
  try {
    return await new Promise((resolve, reject) => {
      worker.addEventListener('message', ({ data }) => resolve(data));
      worker.addEventListener('error', ({ message }) => reject(new Error(message)));
      worker.postMessage(vitestConfiguration());
    });
  } finally {
    worker.terminate();
  }
}

function vitestConfiguration(): unknown {
  const state: unknown = Reflect.get(globalThis, '__vitest_worker__');
  return state instanceof Object && 'config' in state ? state.config : undefined;
}
