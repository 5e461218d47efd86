/** What needs no servers: format, lint, types, structure, stale documents. Ends with one line per check. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Each check as a script for this Node. */
const CHECKS: readonly (readonly [name: string, ...argv: string[]])[] = [
  ['format and lint', 'node_modules/@biomejs/biome/bin/biome', 'ci', '--error-on-warnings', '.'],
  ['types', 'node_modules/typescript/bin/tsc', '-p', '.'],
  ['structure', 'scripts/tidy.ts'],
  ['documents of the contract', 'scripts/contract.ts', '--check'],
];

const results = CHECKS.map(([name, ...argv]) => {
  const started = performance.now();
  const { status } = spawnSync(process.execPath, argv, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return { name, passed: status === 0, seconds: (performance.now() - started) / 1000 };
});

for (const { name, passed, seconds } of results) {
  console.log(`${passed ? 'ok    ' : 'FAILED'} ${name} (${seconds.toFixed(1)} s)`);
}
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;
