import { expect, test } from 'vitest';
import { judgeConnections } from './server-checks.ts';

test.each([
  [20, 100, 'ok'],
  [80, 100, 'ok'],
  [81, 100, 'warn'],
  [10, 99, 'warn'],
  [120, 200, 'ok'],
])('%i connections of %i: %s', (taken, most, level) => {
  expect(judgeConnections(most, taken)).toMatchObject({
    level,
    says: `${taken} of ${most} connections are taken`,
  });
});
