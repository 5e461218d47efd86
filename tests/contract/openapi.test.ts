/** The document that the platform serves is valid OpenAPI 3.1, by a public validator, and lists what was promised. */
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Standalone, startStandalone } from '../cluster.ts';

interface OpenApi {
  openapi: string;
  paths: Record<string, Record<string, unknown>>;
  [section: string]: unknown;
}

let platform: Standalone;
let document: OpenApi;

beforeAll(async () => {
  platform = await startStandalone();
  const answer = await fetch(`${platform.url}/openapi.json`);
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
  document = await answer.json();
});

afterAll(() => platform?.close());

test('it is valid OpenAPI 3.1', async () => {
  const result = await new Validator().validate(document);
  expect(result).toMatchObject({ valid: true });
  expect(document.openapi).toMatch(/^3\.1\./);
});

test('the socket is described beside it, in AsyncAPI', async () => {
  const answer = await fetch(`${platform.url}/asyncapi.json`);
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
  expect(await answer.json()).toMatchObject({
    asyncapi: '3.0.0',
    channels: { socket: { address: '/api/v1/ws' } },
  });
});

test.each([
  'POST /api/v1/auth/register',
  'POST /api/v1/auth/login',
  'POST /api/v1/auth/refresh',
  'POST /api/v1/auth/logout',
  'GET /api/v1/auth/me',
  'POST /api/v1/keys/identity',
  'POST /api/v1/keys/signed-prekey',
  'POST /api/v1/keys/one-time-prekeys',
  'GET /api/v1/keys/identity/{user_id}',
  'GET /api/v1/keys/bundle/{user_id}',
  'POST /api/v1/conversations',
  'GET /api/v1/conversations/{id}/messages',
  'POST /api/v1/messages',
  'GET /api/v1/messages/inbox',
  'POST /api/v1/messages/{id}/ack',
  'POST /api/v1/files/upload',
  'GET /api/v1/files/{id}',
  'GET /api/v1/files/{id}/info',
])('it lists %s', (operation) => {
  const [method = '', path = ''] = operation.split(' ');
  expect(document.paths[path]).toHaveProperty(method.toLowerCase());
});
