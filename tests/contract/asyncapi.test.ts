/** The document of the socket is valid AsyncAPI 3.0, by the published schema, and its examples are frames. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { asyncApiDocument, CLOSE_CODES, ClientFrame, ServerFrame } from '@sotto/api';
import { Ajv, type AnySchemaObject } from 'ajv';
import formats from 'ajv-formats';
import { expect, test } from 'vitest';
import { z } from 'zod';

interface AsyncApi {
  channels: { socket: { messages: Record<string, unknown>; 'x-close-codes': { code: number }[] } };
  operations: Record<string, { action: string; messages: { $ref: string }[]; reply?: object }>;
  components: {
    messages: Record<string, { payload: { $ref: string }; examples: { payload: unknown }[] }>;
    schemas: Record<string, AnySchemaObject>;
  };
}

const text = JSON.stringify(asyncApiDocument('1.2.3'));
const document: AsyncApi = JSON.parse(text);

test('it is valid by the published schema of AsyncAPI 3.0', () => {
  const path = createRequire(import.meta.url).resolve('@asyncapi/specs/schemas/3.0.0.json');
  // It brings the schema of JSON Schema itself along.
  const validator = new Ajv({ strict: false, meta: false, validateSchema: false });
  formats.default(validator);
  const validate = validator.compile(JSON.parse(readFileSync(path, 'utf8')));
  validate(document);
  expect(validate.errors).toBeNull();
  validate({ ...document, operations: { one: { action: 'shout' } } });
  expect(validate.errors).not.toBeNull();
});

test('every reference in it leads somewhere', () => {
  const references = [...text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path = '']) => path);
  expect(references.length).toBeGreaterThan(50);
  for (const path of new Set(references)) {
    const found = path
      .split('/')
      .reduce<unknown>((place, key) => (place as Record<string, unknown>)?.[key], document);
    expect(found, path).toBeDefined();
  }
});

test('every frame of the contract is a message, and every message is in an operation', () => {
  const frames = [...ClientFrame.def.options, ...ServerFrame.def.options];
  const names = Object.keys(document.components.messages);
  expect(names).toHaveLength(frames.length);
  expect(Object.keys(document.channels.socket.messages)).toEqual(names);
  const operations = JSON.stringify(document.operations);
  for (const name of names) expect(operations).toContain(`/messages/${name}"`);
  expect(document.operations.clientSend).toMatchObject({ action: 'receive' });
  expect(document.operations.serverHello).toMatchObject({ action: 'send' });
});

test('every example is a frame, by the contract and by the schema in the document', () => {
  const validator = new Ajv({ strict: false, logger: false });
  formats.default(validator);
  validator.addSchema({ $id: 'https://example.org/socket', ...document });
  for (const [name, { payload, examples }] of Object.entries(document.components.messages)) {
    const frame: z.core.$ZodType = name.startsWith('client') ? ClientFrame : ServerFrame;
    const validate = validator.compile({ $ref: `https://example.org/socket${payload.$ref}` });
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      expect(z.safeDecode(frame, example.payload).error, name).toBeUndefined();
      validate(example.payload);
      expect(validate.errors, name).toBeNull();
    }
    expect(validate({ type: name }), name).toBe(false);
  }
});

test('every close code says what a client does', () => {
  const codes = document.channels.socket['x-close-codes'].map(({ code }) => code);
  expect(codes.toSorted()).toEqual(Object.values(CLOSE_CODES).toSorted());
});
