import { expect, test } from 'vitest';
import { ApiError, fromProblem, PROBLEMS } from './problem.ts';
import { toProblem } from './problem-body.ts';

test('an error survives the way through a body', () => {
  const error = new ApiError('message.devices-stale', {
    detail: 'a device is missing',
    devices: { missing: [{ user: 'u', device: 'd' }], unknown: ['x'] },
    audience: { version: 2, lists: [{ user: 'u', version: 3 }] },
    stored: { conversation: 'c', seq: 4, sentAt: '2026-11-22T00:00:00Z' },
    ...{ fields: ['body.id'], retryAfter: 5, version: 6, bytesLeft: 0 },
  });
  const rebuilt = fromProblem(JSON.parse(JSON.stringify(toProblem(error, 'request-1'))));
  expect(rebuilt).toMatchObject({ code: error.code, status: 409, message: 'a device is missing' });
  expect(rebuilt?.options).toEqual(error.options);
});

test.each([null, 'text', {}, { code: 'no.such-code', status: 400, title: '', type: '' }])(
  'a body that is no problem of ours is not taken for one: %j',
  (body) => {
    expect(fromProblem(body)).toBeUndefined();
  },
);

test.each([
  [{}, 'request invalid'],
  [{ fields: ['body.with', 'query.after'] }, 'request invalid: body.with, query.after'],
  [{ retryAfter: 53 }, 'request invalid, for 53 s'],
  [{ detail: 'said', retryAfter: 53 }, 'said'],
])('an error with %j says so in words', (options, message) => {
  expect(new ApiError('request.invalid', options).message).toBe(message);
});

test('a cause never reaches the body', () => {
  const body = toProblem(
    new ApiError('internal', { cause: new Error('password of the database') }),
  );
  expect(JSON.stringify(body)).not.toContain('password');
});

test('every code names its part and a kebab-case fault', () => {
  for (const code of Object.keys(PROBLEMS)) {
    expect(code).toMatch(/^(internal|[a-z]+\.[a-z]+(-[a-z]+)*)$/);
  }
});
