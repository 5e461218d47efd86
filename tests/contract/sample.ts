/** Valid input for any operation, made from its JSON schema, so that a new operation is tested once it is declared. */
import type { EndpointSpec } from '@sotto/api';
import { isByteStream } from '@sotto/api';
import { z } from 'zod';

/** Anything that JSON can say. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export type Schema = z.core.JSONSchema.JSONSchema;

const UUID = '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b';

/** A body that the operation's schema takes, or undefined when it takes no JSON. */
export function sampleBody({ body }: EndpointSpec): Json | undefined {
  if (body === undefined || isByteStream(body)) return undefined;
  return sample(z.toJSONSchema(body, { io: 'input' }));
}

/** Parameters that the operation's path takes. */
export function sampleParams({ params }: EndpointSpec): Record<string, string> {
  return params === undefined ? {} : asTexts(sample(z.toJSONSchema(params, { io: 'input' })));
}

/** The query values that the operation cannot do without. */
export function sampleQuery({ query }: EndpointSpec): Record<string, string> {
  return query === undefined ? {} : asTexts(sample(z.toJSONSchema(query, { io: 'input' })));
}

/** The headers that the operation cannot do without. */
export function sampleHeaders({ headers }: EndpointSpec): Record<string, string> {
  return headers === undefined ? {} : asTexts(sample(z.toJSONSchema(headers, { io: 'input' })));
}

function asTexts(value: Json): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, String(one)]));
}

/** The smallest value that a schema takes; optional properties are left out. */
export function sample(schema: Schema): Json {
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives !== undefined) return sample(alternatives[0] as Schema);
  if (schema.const !== undefined) return schema.const as Json;
  if (schema.enum !== undefined) return schema.enum[0] as Json;
  switch (schema.type) {
    case 'object':
      return Object.fromEntries(
        (schema.required ?? []).map((name) => [name, sample(schema.properties?.[name] as Schema)]),
      );
    case 'array':
      return Array.from({ length: schema.minItems ?? 0 }, () => sample(schema.items as Schema));
    case 'integer':
    case 'number':
      return Math.max(schema.minimum ?? 1, 1);
    case 'boolean':
      return true;
    default:
      return sampleText(schema);
  }
}

function sampleText({ format, pattern, minLength = 1 }: Schema): string {
  if (format === 'uuid') return UUID;
  if (format === 'date-time') return '2026-01-01T00:00:00Z';
  if (format === 'uri') return 'https://example.org/';
  const text = 'A'.repeat(Math.max(minLength, 3));
  // What is no text is a count.
  return pattern === undefined || new RegExp(pattern).test(text) ? text : '1';
}
