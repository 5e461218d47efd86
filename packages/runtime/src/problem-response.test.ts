import { expect, test } from 'vitest';
import { z } from 'zod';
import { invalidRequest, toApiError } from './problem-response.ts';

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

test.each([
  ['a lost connection', '08006'],
  ['a statement that ran too long', '57014'],
  ['a lock that was not to be had', '55P03'],
  ['a deadlock', '40P01'],
  ['a serialization failure', '40001'],
])('%s is told as something that passes', (_, code) => {
  const error = toApiError(Object.assign(new Error('said by the database'), { code }));
  expect(error.code).toBe('service.unavailable');
  expect(error.options.retryAfter).toBe(1);
});

test.each(['23505', '42P01', undefined])('%s is a bug', (code) => {
  expect(toApiError(Object.assign(new Error('said by the database'), { code })).code).toBe(
    'internal',
  );
});
