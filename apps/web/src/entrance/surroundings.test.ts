import { expect, test } from 'vitest';
import { lackOf, secureAddress } from './surroundings.ts';

const whole = {
  isSecureContext: true,
  crypto: { subtle: {} },
  navigator: { locks: {} },
  indexedDB: {},
  Worker: {},
};

test('a browser of today on a safe address lacks nothing', () => {
  expect(lackOf(whole)).toBeUndefined();
});

test('an address without safety is told first, as it takes the rest along', () => {
  expect(lackOf({ isSecureContext: false, navigator: {} })).toBe('security');
});

test.each(['crypto', 'indexedDB', 'Worker'] as const)('%s is needed', (name) => {
  expect(lackOf({ ...whole, [name]: undefined })).toBe('browser');
});

test('the way out is the same place by HTTPS', () => {
  expect(secureAddress('http://chat.example.org:8080/c/1?x#invite=abc')).toBe(
    'https://chat.example.org:8080/c/1',
  );
});
