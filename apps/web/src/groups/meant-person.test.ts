import type { UserId } from '@sotto/hooks';
import { expect, test } from 'vitest';
import { meantPerson } from './meant-person.ts';

const joanna = { user: 'joanna' as UserId, name: 'Joanna' };
const posing = { user: 'posing' as UserId, name: 'Ann', username: 'mallory' };
const ann = { user: 'ann' as UserId, name: 'Ann Lee', username: 'ann' };

test('a whole username is meant before a name, and a whole name before part of one', () => {
  expect(meantPerson(' @Ann ', [joanna, posing, ann])).toBe(ann);
  expect(meantPerson('ann', [joanna, posing])).toBe(posing);
});

test('part of a name means the first who has it', () => {
  expect(meantPerson('ann', [joanna])).toBe(joanna);
  expect(meantPerson('ann', [])).toBeUndefined();
});
