import { expect, test } from 'vitest';
import { z } from 'zod';
import { invalidRequest } from './problem-response.ts';

test('what a schema has to say is cut where it stops being useful', () => {
  const deep = {
    code: 'custom',
    path: Array.from({ length: 50 }, () => 'deep'),
    message: '',
  } as const;
  const [path = ''] = invalidRequest([deep]).options.fields ?? [];
  expect(path).toBe('deep.'.repeat(40));
  const strict = z
    .strictObject({})
    .safeParse(
      Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`field${index}`, 0])),
    );
  expect(invalidRequest(strict.error?.issues ?? []).options.fields).toHaveLength(20);
});
