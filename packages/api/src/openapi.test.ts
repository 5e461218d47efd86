import { expect, test } from 'vitest';
import * as z from 'zod/mini';
import { endpoints, openApiDocument } from './openapi.ts';
import { SUMMARIES } from './summaries.ts';

test('operation ids and routes are unique', () => {
  const ids = endpoints.map((spec) => spec.id);
  const routes = endpoints.map((spec) => `${spec.method} ${spec.path}`);
  expect(new Set(ids).size).toBe(ids.length);
  expect(new Set(routes).size).toBe(routes.length);
});

test('each operation has a sentence, and each sentence an operation', () => {
  expect(Object.keys(SUMMARIES).sort()).toEqual(endpoints.map(({ id }) => id).sort());
});

test('each path parameter is declared, and none besides', () => {
  for (const spec of endpoints) {
    const inPath = [...spec.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    expect(Object.keys(spec.params?._zod.def.shape ?? {}), spec.id).toEqual(inPath);
  }
});

test('operations that want a proof of the device key say so, and how it is sent', () => {
  const document = openApiDocument('0.0.0') as OpenApi;
  const proof = { $ref: '#/components/parameters/proof' };
  expect(document.components.parameters.proof).toMatchObject({ name: 'DPoP', in: 'header' });
  const { boundToken, proof: inScheme } = document.components.securitySchemes;
  expect(boundToken).toMatchObject({ type: 'apiKey', name: 'Authorization' });
  expect(inScheme).toMatchObject({ type: 'apiKey', name: 'DPoP' });
  const operation = (path: string, method: string) => document.paths[path]?.[method];
  expect(operation('/api/v1/auth/register', 'post')?.parameters).toContainEqual(proof);
  expect(operation('/api/v1/keys/identity', 'post')?.parameters).toContainEqual(proof);
  expect(operation('/api/v1/auth/me', 'get')?.parameters).not.toContainEqual(proof);
  expect(operation('/api/v1/auth/me', 'get')?.security).toEqual([
    { accessToken: [] },
    { boundToken: [], proof: [] },
  ]);
  expect(operation('/api/v1/auth/register', 'post')?.security).toEqual([]);
});

type OpenApi = ReturnType<typeof openApiDocument> & {
  components: Record<'parameters' | 'securitySchemes', Record<string, unknown>>;
  paths: Record<string, Record<string, { parameters: unknown[]; security: unknown[] }>>;
};

test('requests refuse unknown fields, answers do not', () => {
  const document = JSON.stringify(openApiDocument('0.0.0'));
  expect(document).toContain('"operationId":"register"');
  for (const spec of endpoints) {
    for (const schema of [spec.params, spec.query]) {
      if (schema === undefined) continue;
      expect(z.safeParse(schema, { surprise: 1 }).error?.issues.some(isUnknownKey), spec.id).toBe(
        true,
      );
    }
  }
});

function isUnknownKey(issue: { code: string }): boolean {
  return issue.code === 'unrecognized_keys';
}
