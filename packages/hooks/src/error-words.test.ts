import { ApiError, ClientError, ConnectionError } from '@sotto/client';
import { expect, test } from 'vitest';
import { codeOf, errorWords } from './error-words.ts';

test('what the server, the SDK and the network refuse is said in words', () => {
  expect(errorWords(new ApiError('auth.credentials-wrong'))).toBe(
    'The username or the password is wrong.',
  );
  expect(errorWords(new ClientError('link.expired', 'too late'))).toContain('run out');
  expect(errorWords(new ConnectionError('no route'))).toContain('cannot be reached');
});

test('an application says in its own words what is done there in another way', () => {
  const own = { 'account.missing': 'Nobody is here: press the button.' };
  expect(errorWords(new ClientError('account.missing', 'nobody'), own)).toBe(
    'Nobody is here: press the button.',
  );
  expect(errorWords(new ApiError('user.not-found'), own)).toBe('There is nobody by that name.');
});

test.each([
  [30, 'Try again in 30 seconds.'],
  [600, 'Try again in 10 minutes.'],
])('how long to wait is part of it: %i s', (retryAfter, words) => {
  expect(errorWords(new ApiError('rate.limited', { retryAfter }))).toContain(words);
});

test.each([
  ['file.quota', undefined, 'Your storage on this server is full.'],
  ['file.quota', 3_000_000, 'This file does not fit: 3 MB are left to you'],
  ['file.daily-limit', 0, 'You have sent as much today'],
  ['file.daily-limit', 1500, 'You may send 1.5 KB more today'],
] as const)('how much still goes is part of it: %s, %s bytes', (code, bytesLeft, words) => {
  const options = bytesLeft === undefined ? {} : { bytesLeft };
  expect(errorWords(new ApiError(code, options))).toContain(words);
});

test('what nobody can cause or mend has no words, and a message for developers is none', () => {
  expect(errorWords(new ClientError('messages.taken', 'a second loop'))).toBeUndefined();
  expect(errorWords(new TypeError('x is undefined'))).toBeUndefined();
  expect(errorWords(undefined)).toBeUndefined();
  expect(codeOf({ code: 7 })).toBeUndefined();
});
