import { ApiError, ClientError, ConnectionError } from '@sotto/client';
import { expect, test } from 'vitest';
import { codeOf, explain } from './explain.ts';

test('what the platform refuses is said in words', () => {
  expect(explain(new ApiError('auth.credentials-wrong'))).toBe(
    'The username or the password is wrong.',
  );
});

test.each([
  [30, 'Try again in 30 seconds.'],
  [600, 'Try again in 10 minutes.'],
])('how long to wait is part of it: %i s', (retryAfter, words) => {
  expect(explain(new ApiError('rate.limited', { retryAfter }))).toContain(words);
});

test('what the SDK and the network refuse, too', () => {
  expect(explain(new ClientError('link.expired', 'too late'))).toContain('run out');
  expect(explain(new ConnectionError('no route'))).toContain('cannot be reached');
});

test('what nobody expected is named by its code, and never by a message made for developers', () => {
  expect(explain(new ClientError('messages.taken', 'a second loop'))).toBe(
    'Something went wrong (messages.taken).',
  );
  expect(explain(new TypeError('x is undefined'))).toBe('Something went wrong.');
  expect(explain(undefined)).toBe('Something went wrong.');
  expect(codeOf({ code: 7 })).toBeUndefined();
});
