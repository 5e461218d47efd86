import { expect, test } from 'vitest';
import { invitationIn, invitationOf } from './invitation.ts';

test('an invitation is read from the fragment of a link', () => {
  expect(invitationIn('#invite=abc-123')).toBe('abc-123');
});

test.each(['', '#', '#invite=', '#other=1'])('there is none in %j', (hash) => {
  expect(invitationIn(hash)).toBeUndefined();
});

test('a pasted link is as good as the code in it', () => {
  expect(invitationOf(' https://chat.example.org/#invite=abc-123 ')).toBe('abc-123');
  expect(invitationOf(' abc-123\n')).toBe('abc-123');
});
