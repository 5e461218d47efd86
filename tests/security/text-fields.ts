/** Every place of the contract where a caller may write text, from its schemas: a new operation is covered at once. */
import { type EndpointSpec, isByteStream } from '@sotto/api';
import { z } from 'zod';
import {
  type Json,
  type Schema,
  sample,
  sampleBody,
  sampleParams,
  sampleQuery,
} from '../contract/sample.ts';

/** What goes over the wire. */
export interface Draft {
  method: string;
  /** Path and query. */
  path: string;
  body: string | undefined;
}

/** One place, and the request that has a text there and is valid elsewhere. */
export interface TextField {
  operation: EndpointSpec;
  /** `body.username`, `query.name`, `params.id` */
  name: string;
  draft(text: string): Draft;
}

/** All of them. */
export function textFields(operations: readonly EndpointSpec[]): TextField[] {
  return operations.flatMap((operation) => [
    ...leavesOf('params', operation).map((leaf) => field(operation, 'params', leaf)),
    ...leavesOf('query', operation).map((leaf) => field(operation, 'query', leaf)),
    ...leavesOf('body', operation).map((leaf) => field(operation, 'body', leaf)),
  ]);
}

type Part = 'params' | 'query' | 'body';

/** A text within a value. */
interface Leaf {
  name: string;
  /** The whole value with this text in its place. */
  build(text: string): Json;
}

function leavesOf(part: Part, operation: EndpointSpec): Leaf[] {
  const schema = operation[part];
  if (schema === undefined || (part === 'body' && isByteStream(schema))) return [];
  return leaves(z.toJSONSchema(schema as z.ZodType, { io: 'input' }));
}

function leaves(schema: Schema): Leaf[] {
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives !== undefined) return alternatives.flatMap((one) => leaves(one as Schema));
  if (schema.type === 'object') {
    const whole = sample(schema) as { [key: string]: Json };
    return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
      return leaves(property as Schema).map((leaf) => ({
        name: leaf.name === '' ? name : `${name}.${leaf.name}`,
        build: (text: string) => ({ ...whole, [name]: leaf.build(text) }),
      }));
    });
  }
  if (schema.type === 'array') {
    return leaves(schema.items as Schema).map((leaf) => ({
      name: leaf.name,
      build: (text: string) => [leaf.build(text)],
    }));
  }
  return schema.type === 'string' ? [{ name: '', build: (text) => text }] : [];
}

function field(operation: EndpointSpec, part: Part, leaf: Leaf): TextField {
  const draft = (text: string): Draft => {
    const given = leaf.build(text) as Record<string, string>;
    const params = part === 'params' ? given : sampleParams(operation);
    const query = new URLSearchParams(part === 'query' ? given : sampleQuery(operation));
    const body = part === 'body' ? given : sampleBody(operation);
    const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => {
      return encodeURIComponent(params[name] ?? '');
    });
    return {
      method: operation.method,
      path: query.size > 0 ? `${path}?${query}` : path,
      body: body === undefined ? undefined : JSON.stringify(body),
    };
  };
  return { operation, name: `${part}.${leaf.name}`, draft };
}
