/**
 * Configuration, read once: a YAML file, overridden by environment variables, held to one schema.
 *
 * A leaf of the schema names its variable by `.meta({ env: 'DB_HOST' })`. A secret says `secret: true` beside it and
 * may also come from the file that `DB_HOST_FILE` names. YAML keys are the schema's keys in snake case.
 */
import { readFileSync } from 'node:fs';
import { parse as parseYaml, YAMLParseError } from 'yaml';
import type { z } from 'zod';

/** Secrets that begin so are public (examples, `docker-compose.yml`) and refused when `NODE_ENV` is `production`. */
export const INSECURE_DEFAULT_PREFIX = 'insecure-default';

export interface ConfigSource {
  environment: Readonly<Record<string, string | undefined>>;
  /** A YAML file; one that is absent counts as empty. `CONFIG_FILE` names another, which must exist. */
  file?: string;
  /** By variable: what counts when neither the environment nor the file says anything. */
  defaults?: Readonly<Record<string, string>>;
}

/** One thing wrong with a configuration. Names the variable and the YAML key, never the value. */
export interface ConfigFault {
  /** Where in the file, `database.port`; empty when the file itself is at fault. */
  key: string;
  /** The variable that sets it, when one does. */
  variable?: string;
  problem: string;
}

/** All that is wrong with a configuration, at once. The process exits with 78 (EX_CONFIG). */
export class ConfigError extends Error {
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    const lines = faults.map(({ key, variable, problem }) => {
      const name = [key, variable && `(${variable})`].filter(Boolean).join(' ');
      return `  ${name}: ${problem}`;
    });
    super(`the configuration is not valid:\n${lines.join('\n')}`);
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

/** The configuration, frozen. Throws a ConfigError that lists every fault. */
export function loadConfig<S extends z.ZodObject>(schema: S, from: ConfigSource): z.output<S> {
  const { environment, defaults = {} } = from;
  const reading: Reading = { environment, defaults, faults: [], variables: new Map() };
  const input = readObject(schema, readFile(from, reading), { path: [], reading });
  const parsed = schema.safeParse(input);
  if (!parsed.success) {
    // A leaf that could not even be read is not also missing.
    const known = new Set(reading.faults.map((fault) => fault.key));
    reading.faults.push(
      ...schemaFaults(parsed.error, reading).filter(({ key }) => !known.has(key)),
    );
  }
  if (!parsed.success || reading.faults.length > 0) throw new ConfigError(reading.faults);
  return freeze(parsed.data);
}

interface Reading {
  environment: ConfigSource['environment'];
  defaults: Readonly<Record<string, string>>;
  faults: ConfigFault[];
  /** Key of the file to variable. */
  variables: Map<string, string>;
}

interface Place {
  path: readonly string[];
  reading: Reading;
}

type YamlObject = { [key: string]: unknown };

function readFile({ environment, file }: ConfigSource, reading: Reading): unknown {
  const named = environment.CONFIG_FILE || undefined;
  const path = named ?? file;
  if (path === undefined) return undefined;
  try {
    return parseYaml(readFileSync(path, 'utf8')) ?? undefined;
  } catch (error) {
    if (named === undefined && hasCode(error, 'ENOENT')) return undefined;
    reading.faults.push({ key: '', variable: 'CONFIG_FILE', problem: fileProblem(error) });
    return undefined;
  }
}

function fileProblem(error: unknown): string {
  if (!(error instanceof YAMLParseError)) return 'the file cannot be read';
  const line = error.linePos?.[0].line;
  // The parser's own message quotes the line, which may hold a secret.
  return `the file is not YAML (${error.code}${line === undefined ? '' : `, line ${line}`})`;
}

function readObject(schema: z.ZodObject, yaml: unknown, place: Place): unknown {
  const given = yaml ?? {};
  if (!isObject(given)) return given;
  const result: YamlObject = {};
  const taken = new Set<string>();
  for (const [key, child] of Object.entries(schema.shape)) {
    const name = snakeCase(key);
    taken.add(name);
    const value = readValue(child, given[name], { ...place, path: [...place.path, name] });
    if (value !== undefined) result[key] = value;
  }
  // What the schema does not know stays, so that a strict section reports it.
  for (const [name, value] of Object.entries(given)) if (!taken.has(name)) result[name] = value;
  return result;
}

function readValue(schema: z.core.$ZodType, yaml: unknown, place: Place): unknown {
  const { inner, env, secret, optional } = unwrap(schema);
  if (isObjectSchema(inner)) {
    const value = readObject(inner, yaml, place);
    return optional && isObject(value) && Object.keys(value).length === 0 ? undefined : value;
  }
  if (env === undefined) return yaml ?? undefined;
  place.reading.variables.set(place.path.join('.'), env);
  const given = readVariable(env, secret, place) ?? yaml ?? place.reading.defaults[env];
  const value = typeof given === 'string' ? fromText(given, inner) : (given ?? undefined);
  if (secret) refusePublicSecret(value, env, place);
  return value;
}

interface Unwrapped {
  inner: z.core.$ZodType;
  env: string | undefined;
  secret: boolean;
  optional: boolean;
}

/** Looks through optional, default and the like for the schema of the text, and for the leaf's names. */
function unwrap(schema: z.core.$ZodType): Unwrapped {
  const result: Unwrapped = { inner: schema, env: undefined, secret: false, optional: false };
  for (;;) {
    const wrapper = result.inner as z.ZodType;
    const meta = wrapper.meta?.();
    if (typeof meta?.env === 'string') result.env = meta.env;
    if (meta?.secret === true) result.secret = true;
    if (wrapper.def.type === 'optional') result.optional = true;
    const next = innerOf(wrapper.def);
    if (next === undefined) return result;
    result.inner = next;
  }
}

function innerOf(def: z.core.$ZodTypeDef): z.core.$ZodType | undefined {
  if ('innerType' in def) return def.innerType as z.core.$ZodType;
  if (def.type === 'pipe') return (def as z.core.$ZodPipeDef).in;
  return undefined;
}

function isObjectSchema(schema: z.core.$ZodType): schema is z.ZodObject {
  return schema._zod.def.type === 'object';
}

function readVariable(name: string, secret: boolean, { path, reading }: Place): string | undefined {
  // Compose files pass unset variables on as empty ones.
  const value = reading.environment[name] || undefined;
  const file = secret ? reading.environment[`${name}_FILE`] || undefined : undefined;
  if (file === undefined) return value;
  const fault = { key: path.join('.'), variable: `${name}_FILE` };
  if (value !== undefined) {
    reading.faults.push({ ...fault, problem: `set this or ${name}, not both` });
    return undefined;
  }
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch {
    reading.faults.push({ ...fault, problem: 'the file cannot be read' });
    return undefined;
  }
}

/** Text as the leaf's own type; text that is none of it stays, for the schema to refuse. */
function fromText(text: string, schema: z.core.$ZodType): unknown {
  switch (schema._zod.def.type) {
    case 'number':
      return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'array':
      return text.split(',').map((item) => item.trim());
    default:
      return text;
  }
}

function refusePublicSecret(value: unknown, variable: string, { path, reading }: Place): void {
  if (reading.environment.NODE_ENV !== 'production') return;
  const secrets: unknown[] = Array.isArray(value) ? value : [value];
  if (!secrets.some((one) => typeof one === 'string' && one.startsWith(INSECURE_DEFAULT_PREFIX)))
    return;
  reading.faults.push({
    key: path.join('.'),
    variable,
    problem: 'is a published default: set a secret of your own',
  });
}

function schemaFaults(error: z.ZodError, reading: Reading): ConfigFault[] {
  return error.issues.map((issue) => {
    const key = issue.path.map((part) => snakeCase(String(part))).join('.');
    const variable = reading.variables.get(key) ?? reading.variables.get(parentOf(key));
    return { key, ...(variable !== undefined && { variable }), problem: issue.message };
  });
}

/** The list that an item such as `jwt.secrets.0` belongs to. */
function parentOf(key: string): string {
  return key.slice(0, Math.max(0, key.lastIndexOf('.')));
}

function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  for (const child of Object.values(value)) freeze(child);
  return Object.freeze(value);
}

function isObject(value: unknown): value is YamlObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
