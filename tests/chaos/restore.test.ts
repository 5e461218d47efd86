/** A platform that is put back from a backup. The long form is `npm run restore-check`. */
import { expect, test } from 'vitest';
import { runRestore } from './restore-run.ts';

test('after a backup was put back everybody has everything once, and nobody is alarmed', async () => {
  const report = await runRestore({ messages: 1_000, withinMs: 60_000 });
  expect(report).toMatchObject({ missing: 0, twice: 0, unreadable: 0, alarmed: 0, told: 4 });
  expect(report.acknowledged).toBeGreaterThanOrEqual(2_040);
}, 150_000);
