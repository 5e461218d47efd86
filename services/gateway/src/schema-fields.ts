/** A JSON schema as a list to read: names, types, and what bounds them. */
import { type Html, html } from './html.ts';

/** The keywords that the contract's schemas use. */
export interface Schema {
  type?: string;
  const?: unknown;
  enum?: readonly unknown[];
  format?: string;
  contentEncoding?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  default?: unknown;
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  items?: Schema;
  oneOf?: readonly Schema[];
  anyOf?: readonly Schema[];
}

/** The fields of an object, or the one line of anything else. */
export function schemaFields(schema: Schema): Html {
  return describe(schema) ?? html`<p class="type">${line(schema)}</p>`;
}

/** What lies inside a schema, when something does. */
function describe(schema: Schema): Html | undefined {
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices !== undefined) return alternatives(choices);
  if (schema.items !== undefined) return describe(schema.items);
  const fields = Object.entries(schema.properties ?? {});
  if (fields.length === 0) return undefined;
  const items = fields.map(([name, field]) => {
    const optional = schema.required?.includes(name) ? '' : ', optional';
    return html`<li><code>${name}</code> <span class="type">${line(field)}${optional}</span>${describe(field)}</li>`;
  });
  return html`<ul class="fields">${items}</ul>`;
}

/** Only choices with something inside are shown one by one; the others are named in the line above. */
function alternatives(choices: readonly Schema[]): Html | undefined {
  const inner = choices.map(describe).filter((choice) => choice !== undefined);
  if (inner.length === 0) return undefined;
  const items = inner.map(
    (choice, at) => html`<p class="type">${at === 0 ? 'either' : 'or'}</p>${choice}`,
  );
  return html`<div class="choices">${items}</div>`;
}

/** One line: the type and its bounds. */
function line(schema: Schema): string {
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices !== undefined) return [...new Set(choices.map(line))].join(' or ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined)
    return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.items !== undefined) {
    const items = line(schema.items);
    return `list of ${items === 'object' ? 'objects' : items}${bounds(schema)}`;
  }
  const preset =
    schema.default === undefined ? '' : `, ${JSON.stringify(schema.default)} if left out`;
  return `${name(schema)}${bounds(schema)}${preset}`;
}

function name({ type, format, contentEncoding, pattern }: Schema): string {
  if (contentEncoding === 'base64url') return 'bytes, base64url';
  if (format === 'uuid') return 'UUID';
  if (format === 'date-time') return 'time';
  if (type === 'string') return pattern === undefined ? 'text' : `text matching ${pattern}`;
  return type ?? 'any value';
}

function bounds(schema: Schema): string {
  const { minLength, maxLength, minItems, maxItems, minimum, maximum } = schema;
  // What JavaScript can count to bounds nothing that a reader cares about.
  const most = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const least = minimum === Number.MIN_SAFE_INTEGER ? undefined : minimum;
  return (
    between(minLength, maxLength, ' characters') +
    between(minItems, maxItems, ' items') +
    between(least, most, '')
  );
}

function between(least: number | undefined, most: number | undefined, unit: string): string {
  if (least === undefined && most === undefined) return '';
  if (least === most) return `, ${least}${unit}`;
  if (most === undefined) return `, at least ${least}${unit}`;
  if (least === undefined) return `, at most ${most}${unit}`;
  return `, ${least} to ${most}${unit}`;
}
