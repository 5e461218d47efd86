import { expect, test } from 'vitest';
import { z } from 'zod';
import { createLogger, type LogFields } from './log.ts';

function capture() {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  return { lines, log: createLogger({ service: 'test', level: 'info', destination }) };
}

test('a line has its level, service, event and the fields of the list', () => {
  const { lines, log } = capture();
  log.info('started', { port: 8080, durationMs: 12 });
  log.debug('below the level');
  expect(lines).toEqual([
    {
      level: 'info',
      service: 'test',
      event: 'started',
      port: 8080,
      durationMs: 12,
      time: expect.any(String),
    },
  ]);
});

test('a field outside the list is dropped at run time too', () => {
  const { lines, log } = capture();
  const fields: LogFields & { password: string } = { port: 1, password: 'hunter2' };
  log.info('event', fields);
  expect(JSON.stringify(lines)).not.toContain('hunter2');
});

test.each([
  ['a JSON parser', () => JSON.parse('hunter2')],
  ['a schema', () => z.object({ a: z.literal('x') }).parse({ a: 'hunter2' })],
  ['an argument check', () => Buffer.from('x').write('x', 0, 1, 'hunter2' as BufferEncoding)],
  [
    'a database',
    () => {
      throw Object.assign(new Error('duplicate key (name)=(hunter2)'), {
        code: '23505',
        severity: 'ERROR',
        detail: 'hunter2',
        constraint: 'users_name',
      });
    },
  ],
])('what %s says of its input is not logged, where it happened is', (_, fail) => {
  const { lines, log } = capture();
  try {
    fail();
  } catch (error) {
    log.error('failed', { error: new Error('outer', { cause: error }) });
  }
  expect(JSON.stringify(lines)).not.toContain('hunter2');
  expect(JSON.stringify(lines)).toContain('log.test.ts');
});

test('an error keeps its message and its cause, and a loop of causes ends', () => {
  const { lines, log } = capture();
  const inner = new Error('inner');
  const outer = new Error('outer', { cause: inner });
  inner.cause = outer;
  log.warn('failed', { error: outer });
  expect(lines[0]).toMatchObject({ error: { message: 'outer', cause: { message: 'inner' } } });
});
