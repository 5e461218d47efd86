import { ClientError } from '@sotto/client';
import { expect, test } from 'vitest';
import { explain } from './explain.ts';

test('what is another thing in a page is said in words for a page', () => {
  expect(explain(new ClientError('store.locked', 'held'))).toContain('another tab');
  expect(explain(new ClientError('link.expired', 'too late'))).toContain('run out');
});

test('what nobody expected is named by its code, and never by a message made for developers', () => {
  expect(explain(new ClientError('messages.taken', 'a second loop'))).toBe(
    'Something went wrong (messages.taken).',
  );
  expect(explain(new TypeError('x is undefined'))).toBe('Something went wrong.');
  expect(explain(undefined)).toBe('Something went wrong.');
});
