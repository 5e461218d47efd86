import { expect, test } from 'vitest';
import { blank, tidy } from './tidy.ts';
import type { SourceFile } from './tidy-source.ts';

/** Faults of one file that somebody imports. */
function faultsOf(path: string, text: string): string[] {
  const user: SourceFile = {
    path: path.replace(/[^/]+$/, 'index.ts'),
    text: `export { x } from './${path.split('/').at(-1)}';\n`,
  };
  return tidy(path === user.path ? [{ path, text }] : [{ path, text }, user]);
}

const SERVICE = 'services/key/src/prekeys.ts';

test.each([
  ['const a = process.env.HOME;', 'process.env outside main.ts'],
  ["console.log('x');", 'console outside scripts'],
  ['function f(x: any) {}', 'any'],
  ['const y = x as unknown as string;', 'as unknown as'],
  ["export * from './store.ts';", 'export *'],
  ['export enum Colour { red }', 'enum'],
  ['export default x;', 'default export'],
  ['// @ts-'.concat('ignore'), 'a type error is silenced'],
  ['// FIX'.concat('ME: later'), 'something left to do'],
])('refuses %s', (line, what) => {
  expect(faultsOf(SERVICE, `${line}\n`).join()).toContain(`${SERVICE}:1: ${what}`);
});

test.each([
  ["const text = 'process.env and console.log';"],
  ['/** process.env is read in main.ts; any of them, as unknown as it is. */'],
  ['const x = y as const;'],
])('takes %s', (line) => {
  expect(faultsOf(SERVICE, `${line}\n`)).toEqual([]);
});

test('what browsers load takes zod as a namespace', () => {
  const text = "import { z } from 'zod';\nexport const x = z;\n";
  const [fault] = faultsOf('packages/client/src/records.ts', text);
  expect(fault).toContain('packages/client/src/records.ts:1: zod as a named import');
  expect(faultsOf('services/file/src/config.ts', text)).toEqual([]);
});

test('process.env may be read in main.ts and in tests', () => {
  const text = 'const a = process.env.HOME;\n';
  expect(faultsOf('services/key/src/main.ts', text)).toEqual([]);
  expect(faultsOf('services/key/test/key.test.ts', text)).toEqual([]);
});

test('a test that is skipped is told', () => {
  expect(faultsOf('packages/api/src/x.test.ts', "test.skip('x', () => {});\n").join()).toContain(
    'skipped',
  );
});

test('Math.random and comparisons that leak have no place in cryptography', () => {
  const path = 'packages/crypto/src/nonce.ts';
  expect(faultsOf(path, 'const n = Math.random();\n').join()).toContain('Math.random');
  expect(faultsOf(path, 'if (a.equals(b)) f();\n').join()).toContain('takes time');
});

test.each([
  ['packages/crypto/src/a.ts', 'zod'],
  ['packages/crypto/src/a.ts', 'node:crypto'],
  ['packages/api/src/a.ts', '@sotto/crypto'],
  ['packages/client/src/a.ts', '@sotto/runtime'],
  ['packages/runtime/src/a.ts', '@sotto/client'],
  ['services/key/src/a.ts', '@sotto/crypto'],
  ['services/key/src/a.ts', '@sotto/auth'],
  ['services/key/src/a.ts', 'pg'],
  ['tests/e2e/a.test.ts', '@sotto/auth'],
])('%s may not import %s', (path, specifier) => {
  expect(faultsOf(path, `import { x } from '${specifier}';\n`)).toContain(
    `${path}: may not import ${specifier}`,
  );
});

test.each([
  ['packages/crypto/src/node.ts', 'node:crypto'],
  ['packages/runtime/src/a.ts', '@sotto/api/internal'],
  ['services/key/src/a.ts', '@sotto/crypto/verify'],
  ['services/standalone/src/a.ts', '@sotto/auth'],
])('%s may import %s', (path, specifier) => {
  expect(faultsOf(path, `import { x } from '${specifier}';\n`)).toEqual([]);
});

test('a package is entered by its doors only', () => {
  const text = "import { x } from '../../auth/src/tokens.ts';\n";
  expect(faultsOf(SERVICE, text).join()).toContain('reaches into another package');
});

test('an import over several lines is seen', () => {
  const text = "import {\n  a,\n  b,\n} from '@sotto/auth';\n";
  expect(faultsOf(SERVICE, text).join()).toContain('may not import @sotto/auth');
});

test('a cycle is found, one of types alone is none', () => {
  const a = { path: 'services/key/src/a.ts', text: "import { b } from './b.ts';\n" };
  const b = { path: 'services/key/src/b.ts', text: "import { a } from './a.ts';\n" };
  const typeOnly = { ...b, text: "import type { a } from './a.ts';\n" };
  expect(tidy([a, b]).join()).toContain('imports itself');
  expect(tidy([a, typeOnly])).toEqual([]);
});

test('a file that nobody imports is found', () => {
  const path = 'services/key/src/forgotten.ts';
  expect(tidy([{ path, text: 'const a = 1;\n' }])).toEqual([`${path}: imported by nobody`]);
});

test('long files and long functions are found', () => {
  const lines = (count: number): string => '  work();\n'.repeat(count);
  expect(faultsOf(SERVICE, 'work();\n'.repeat(401)).join()).toContain('401 lines');
  expect(faultsOf(SERVICE, `function f(\n  a: A,\n): B {\n${lines(70)}}\n`).join()).toContain(
    'one function',
  );
  expect(faultsOf(SERVICE, `function f() {\n${lines(60)}}\n`)).toEqual([]);
});

test('names that say nothing are refused, of folders and of files', () => {
  expect(faultsOf('services/key/src/utils/a.ts', '').join()).toContain('the name utils');
  expect(faultsOf('services/key/src/helpers.ts', '').join()).toContain('the name helpers');
});

test('what a package exports has a docstring', () => {
  const path = 'packages/runtime/src/a.ts';
  expect(faultsOf(path, 'export function f() {}\n').join()).toContain('f has no docstring');
  expect(faultsOf(path, '/** Does. */\nexport function f() {}\n')).toEqual([]);
});

test('a vector file must be listed with where it came from', () => {
  const vector = { path: 'packages/crypto/vectors/own/x3dh.json', text: '' };
  const sources = { path: 'packages/crypto/vectors/SOURCES.md', text: 'own/x3dh.json: made here' };
  expect(tidy([vector]).join()).toContain('not listed');
  expect(tidy([vector, sources])).toEqual([]);
});

test('blanking keeps every line where it was', () => {
  const text = "const a = 'x'; // y\n/* one\n two */ b();\n";
  expect(blank(text)).toBe(`const a =    ;     \n${' '.repeat(6)}\n${' '.repeat(7)} b();\n`);
});
