import { expect, test } from 'vitest';
import { endpoints, openApiDocument } from './openapi.ts';

test('operation ids and routes are unique', () => {
  const ids = endpoints.map((spec) => spec.id);
  const routes = endpoints.map((spec) => `${spec.method} ${spec.path}`);
  expect(new Set(ids).size).toBe(ids.length);
  expect(new Set(routes).size).toBe(routes.length);
});

test('each path parameter is declared, and none besides', () => {
  for (const spec of endpoints) {
    const inPath = [...spec.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    expect(Object.keys(spec.params?.shape ?? {}), spec.id).toEqual(inPath);
  }
});

test('requests refuse unknown fields, answers do not', () => {
  const document = JSON.stringify(openApiDocument('0.0.0'));
  expect(document).toContain('"operationId":"register"');
  for (const spec of endpoints) {
    for (const schema of [spec.params, spec.query]) {
      if (schema === undefined) continue;
      expect(schema.safeParse({ surprise: 1 }).error?.issues.some(isUnknownKey), spec.id).toBe(
        true,
      );
    }
  }
});

function isUnknownKey(issue: { code: string }): boolean {
  return issue.code === 'unrecognized_keys';
}
