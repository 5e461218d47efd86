import { expect, test } from 'vitest';
import { cleanHeaders } from '../src/screen.ts';

test('headers that a Connection header names do not go on, however they are spaced', () => {
  const headers = {
    connection: ' X-One ,\tx-two,, close',
    'x-one': '1',
    'x-two': '2',
    'x-three': '3',
  };
  const request = new Request('http://host/', { headers });
  cleanHeaders(request, 'id');
  expect([...request.headers.keys()].filter((name) => /^x-(one|two|three)$/.test(name))).toEqual([
    'x-three',
  ]);
  expect(request.headers.has('connection')).toBe(false);
});

test('a Connection header full of spaces is no work', () => {
  const request = new Request('http://host/', {
    headers: { connection: `close${' '.repeat(100_000)}x` },
  });
  const started = performance.now();
  cleanHeaders(request, 'id');
  expect(performance.now() - started).toBeLessThan(5_000);
});
