import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { ConfigError, type ConfigSource, INSECURE_DEFAULT_PREFIX, loadConfig } from './config.ts';
import { Duration, databaseSection, serverSection } from './sections.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'config '));
});
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

const schema = z.object({
  server: serverSection(8081),
  database: databaseSection,
  jwt: z.object({
    accessTokenSecret: z
      .array(z.string().min(8))
      .min(1)
      .meta({ env: 'JWT_ACCESS_SECRET', secret: true }),
    accessTokenExpiry: Duration.default(900_000).meta({ env: 'JWT_ACCESS_EXPIRY' }),
    strict: z.boolean().default(false).meta({ env: 'JWT_STRICT' }),
  }),
});

const SECRET = 'a secret of some length';

function faultsOf(source: ConfigSource): string[] {
  try {
    loadConfig(schema, source);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ key, variable }) => `${key} ${variable ?? ''}`.trim()).sort();
  }
  return [];
}

test('the file is read, variables win over it, and what neither says has its default', () => {
  const path = file('a.yaml', 'server: { port: 9000 }\njwt: { access_token_expiry: 20m }\n');
  const config = loadConfig(schema, {
    environment: { SERVER_HOST: '0.0.0.0', JWT_ACCESS_SECRET: SECRET, JWT_STRICT: 'true' },
    file: path,
  });
  expect(config.server).toMatchObject({ host: '0.0.0.0', port: 9000 });
  expect(config.database.port).toBe(5432);
  expect(config.jwt).toEqual({
    accessTokenSecret: [SECRET],
    accessTokenExpiry: 20 * 60_000,
    strict: true,
  });
});

test('a variable that is set but empty counts as unset', () => {
  const environment = { SERVER_PORT: '', JWT_ACCESS_SECRET: SECRET };
  expect(loadConfig(schema, { environment }).server.port).toBe(8081);
});

test('a list is separated by commas, in a variable and in the file', () => {
  const list = 'the first one, the second one';
  const environment = { JWT_ACCESS_SECRET: list };
  const expected = ['the first one', 'the second one'];
  expect(loadConfig(schema, { environment }).jwt.accessTokenSecret).toEqual(expected);
  const path = file('list.yaml', `jwt: { access_token_secret: "${list}" }`);
  expect(loadConfig(schema, { environment: {}, file: path }).jwt.accessTokenSecret).toEqual(
    expected,
  );
});

test('a secret comes from a file without its line end, and not from two places', () => {
  const path = file('secret', `${SECRET}\n`);
  const environment = { JWT_ACCESS_SECRET_FILE: path };
  expect(loadConfig(schema, { environment }).jwt.accessTokenSecret).toEqual([SECRET]);
  expect(faultsOf({ environment: { ...environment, JWT_ACCESS_SECRET: SECRET } })).toEqual([
    'jwt.access_token_secret JWT_ACCESS_SECRET_FILE',
  ]);
  expect(faultsOf({ environment: { JWT_ACCESS_SECRET_FILE: join(directory, 'none') } })).toEqual([
    'jwt.access_token_secret JWT_ACCESS_SECRET_FILE',
  ]);
});

test('all faults are told at once, by key and variable, and no value is', () => {
  const path = file('faults.yaml', 'server: { port: 99999 }\ndatabase: { prot: 1, host: 5 }\n');
  const environment = {
    DB_PORT: 'hunter2',
    DATABASE_URL: 'ftp://hunter2',
    JWT_ACCESS_SECRET: 'hunter2',
    JWT_ACCESS_EXPIRY: 'hunter2',
    JWT_STRICT: 'hunter2',
  };
  expect(faultsOf({ environment, file: path })).toEqual([
    'database',
    'database.host DB_HOST',
    'database.port DB_PORT',
    'database.url DATABASE_URL',
    'jwt.access_token_expiry JWT_ACCESS_EXPIRY',
    'jwt.access_token_secret.0 JWT_ACCESS_SECRET',
    'jwt.strict JWT_STRICT',
    'server.port SERVER_PORT',
  ]);
  expect(() => loadConfig(schema, { environment, file: path })).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
  );
});

test('a file that is named must exist and be YAML; the usual one may be absent', () => {
  const environment = { JWT_ACCESS_SECRET: SECRET };
  const absent = join(directory, 'absent.yaml');
  expect(faultsOf({ environment, file: absent })).toEqual([]);
  expect(faultsOf({ environment: { ...environment, CONFIG_FILE: absent } })).toEqual([
    'CONFIG_FILE',
  ]);
  const broken = file('broken.yaml', 'a: [hunter2');
  expect(faultsOf({ environment, file: broken })).toEqual(['CONFIG_FILE']);
  expect(() => loadConfig(schema, { environment, file: broken })).toThrow(/line 1/);
  expect(faultsOf({ environment, file: file('list.yaml', '- a') }).length).toBeGreaterThan(0);
});

test('a published default secret is refused in production only', () => {
  const environment = { JWT_ACCESS_SECRET: `${SECRET},${INSECURE_DEFAULT_PREFIX}-secret` };
  expect(faultsOf({ environment })).toEqual([]);
  expect(faultsOf({ environment: { ...environment, NODE_ENV: 'production' } })).toEqual([
    'jwt.access_token_secret JWT_ACCESS_SECRET',
  ]);
});

test('a configuration cannot be changed', () => {
  const config = loadConfig(schema, { environment: { JWT_ACCESS_SECRET: SECRET } });
  expect(Object.isFrozen(config)).toBe(true);
  expect(Object.isFrozen(config.server)).toBe(true);
  expect(Object.isFrozen(config.jwt.accessTokenSecret)).toBe(true);
});

test.each([
  ['1500ms', 1_500],
  ['30s', 30_000],
  ['15m', 900_000],
  ['720h', 2_592_000_000],
  ['7d', 604_800_000],
])('%s is a duration', (text, expected) => {
  expect(Duration.parse(text)).toBe(expected);
});

test.each(['', '15', 'm', '-1m', '1.5h', '15 m', '99999999999h'])('%j is no duration', (text) => {
  expect(Duration.safeParse(text).success).toBe(false);
});
