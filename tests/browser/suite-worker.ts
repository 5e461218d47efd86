/**
 * Runs the protocol library's test files and the contract of stores inside a worker of the browser, with vitest's own
 * runner, and posts how each test ended. Started by `worker.browser.ts`, which hands over vitest's configuration.
 */

/** How one test of the suite ended, as it is posted to the page. */
export interface Outcome {
  readonly name: string;
  readonly state: string;
  readonly error?: string | undefined;
}

type Runner = typeof import('vitest/internal/browser');
type TestRun = Awaited<ReturnType<Runner['startTests']>>[number];
type Task = TestRun['tasks'][number];

/** The part of Vite's `import.meta` that is used here. */
declare global {
  interface ImportMeta {
    glob(patterns: readonly string[]): Readonly<Record<string, () => Promise<unknown>>>;
  }
}

const files = import.meta.glob(['../../packages/crypto/src/*.test.ts', './stores.suite.ts']);

// Otherwise the page would wait in vain: only errors that nobody caught reach it.
globalThis.addEventListener('unhandledrejection', ({ reason }) => reportError(reason));
globalThis.addEventListener('message', async ({ data: config }) => {
  // What vitest puts into a page before its tests, as far as the runner asks for it.
  Object.assign(globalThis, {
    __vitest_worker__: { config, ctx: {}, durations: {}, providedContext: {}, metaEnv: {} },
    __vitest_browser_runner__: { wrapDynamicImport: (load: () => unknown) => load() },
  });
  const { startTests } = await import('vitest/internal/browser');
  const runs = await startTests(Object.keys(files), {
    config,
    importFile: (path) => files[path]!(),
  });
  globalThis.postMessage(runs.flatMap(outcomesOf));
});

function outcomesOf(run: TestRun): Outcome[] {
  const failedToLoad = run.result?.errors?.map(({ message }) => ({
    name: run.name,
    state: 'fail',
    error: message,
  }));
  return [...(failedToLoad ?? []), ...run.tasks.flatMap(testsOf)];
}

function testsOf(task: Task): Outcome[] {
  if (task.type === 'suite') return task.tasks.flatMap(testsOf);
  const error = task.result?.errors?.[0]?.message;
  return [{ name: task.name, state: task.result?.state ?? task.mode, error }];
}
