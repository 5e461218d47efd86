/** Broken configurations, each told in words that name the variable and show no value. Starting with them: tests/operations. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, loadConfig } from '@sotto/runtime';
import { afterAll, expect, test } from 'vitest';
import type { z } from 'zod';
import { AuthConfig } from '../../services/auth/src/config.ts';
import { FileConfig } from '../../services/file/src/config.ts';
import { GatewayConfig } from '../../services/gateway/src/config.ts';
import { KeyConfig } from '../../services/key/src/config.ts';
import { MessageConfig } from '../../services/message/src/config.ts';
import { StandaloneConfig } from '../../services/standalone/src/config.ts';

const directory = mkdtempSync(join(tmpdir(), 'sotto-config-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const file = (name: string, text: string) => {
  writeFileSync(join(directory, name), text);
  return join(directory, name);
};

const VALID = {
  DATA_DIR: '/nowhere',
  JWT_ACCESS_SECRET: 'a-secret-of-a-test-that-is-long-enough-1',
  JWT_REFRESH_SECRET: 'a-secret-of-a-test-that-is-long-enough-2',
  INTERNAL_SECRET: 'a-secret-of-a-test-that-is-long-enough-3',
  FIELD_KEYS: 'a-secret-of-a-test-that-is-long-enough-4',
  KEY_LOG_SECRET: 'a-secret-of-a-test-that-is-long-enough-5',
};

const ALL = [AuthConfig, KeyConfig, MessageConfig, FileConfig, GatewayConfig, StandaloneConfig];
const DATABASE = [AuthConfig, KeyConfig, MessageConfig, FileConfig, StandaloneConfig];

/** What is set, and what the message has to name; by the services that have to refuse it. */
const FAULTS: readonly [Record<string, string>, string, readonly z.ZodObject[]][] = [
  [{ SERVER_PORT: 'x' }, 'SERVER_PORT', ALL],
  [{ SERVER_PORT: '70000' }, 'SERVER_PORT', ALL],
  [{ SERVER_PORT: '-1' }, 'SERVER_PORT', ALL],
  [{ TLS_CERT: '/cert' }, 'TLS_KEY', ALL],
  [{ TLS_KEY: '/key' }, 'TLS_CERT', ALL],
  [{ TRUSTED_PROXIES: 'many' }, 'TRUSTED_PROXIES', ALL],
  [{ TRUSTED_PROXIES: '99' }, 'TRUSTED_PROXIES', ALL],
  [{ PUBLIC_ORIGINS: 'chat.example.org' }, 'PUBLIC_ORIGINS', ALL],
  [{ PUBLIC_ORIGINS: 'https://chat.example.org/path' }, 'PUBLIC_ORIGINS', ALL],
  [{ HTTP_REDIRECT_PORT: '80a' }, 'HTTP_REDIRECT_PORT', ALL],
  [{ INTERNAL_SECRET: 'short-secret' }, 'INTERNAL_SECRET', ALL],
  [{ INTERNAL_SECRET: '', INTERNAL_SECRET_FILE: '/nowhere/secret' }, 'INTERNAL_SECRET_FILE', ALL],
  [
    { INTERNAL_SECRET: VALID.INTERNAL_SECRET, INTERNAL_SECRET_FILE: file('both', 'x'.repeat(40)) },
    'INTERNAL_SECRET_FILE',
    ALL,
  ],
  [
    { INTERNAL_SECRET: 'insecure-default-that-everybody-knows', NODE_ENV: 'production' },
    'INTERNAL_SECRET',
    ALL,
  ],
  [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL', ALL],
  [{ REDIS_URL: 'http://redis:6379' }, 'REDIS_URL', ALL],
  [{ AUTH_URL: 'auth:8081' }, 'AUTH_URL', ALL],
  [{ LIMITS_USER_PER_MINUTE: '0' }, 'LIMITS_USER_PER_MINUTE', ALL],
  [{ LIMITS_LOGIN_WINDOW: '15 minutes' }, 'LIMITS_LOGIN_WINDOW', ALL],
  [{ LIMITS_LOGIN_LOCK: '5' }, 'LIMITS_LOGIN_LOCK', ALL],
  [{ CONFIG_FILE: '/nowhere/config.yaml' }, 'CONFIG_FILE', ALL],
  [{ CONFIG_FILE: file('no.yaml', 'server: [') }, 'CONFIG_FILE', ALL],
  [{ CONFIG_FILE: file('unknown.yaml', 'server: { prot: 8080 }') }, 'prot', ALL],
  [{ CONFIG_FILE: file('list.yaml', 'server: [1]') }, 'server', ALL],
  [{ DB_PORT: 'x' }, 'DB_PORT', DATABASE],
  [{ DATABASE_URL: 'mysql://root:hidden-password@db/sotto' }, 'DATABASE_URL', DATABASE],
  [{ DATABASE_URL: 'not a url, hidden-password' }, 'DATABASE_URL', DATABASE],
  [{ DB_PASSWORD_FILE: '/nowhere/password' }, 'DB_PASSWORD_FILE', DATABASE],
  [{ NATS_URL: 'amqp://user:hidden-password@bus' }, 'NATS_URL', DATABASE],
  [{ NATS_REPLICAS: '9' }, 'NATS_REPLICAS', DATABASE],
  [{ JWT_ISSUER: '', NATS_REPLICAS: 'three' }, 'NATS_REPLICAS', DATABASE],
  [{ JWT_ACCESS_SECRET: 'short' }, 'JWT_ACCESS_SECRET', [AuthConfig, StandaloneConfig]],
  [{ JWT_ACCESS_EXPIRY: '16m' }, 'JWT_ACCESS_EXPIRY', [AuthConfig, StandaloneConfig]],
  [{ JWT_REFRESH_EXPIRY: 'forever' }, 'JWT_REFRESH_EXPIRY', [AuthConfig, StandaloneConfig]],
  [{ REGISTRATION_MODE: 'anyone' }, 'REGISTRATION_MODE', [AuthConfig, StandaloneConfig]],
  [{ FIELD_KEYS: `${VALID.FIELD_KEYS},short` }, 'FIELD_KEYS', [AuthConfig, StandaloneConfig]],
  [{ KEY_LOG_WITNESSES: 'nobody' }, 'KEY_LOG_WITNESSES', [KeyConfig, StandaloneConfig]],
  [{ DIRECTORY_MODE: 'closed' }, 'DIRECTORY_MODE', [MessageConfig, StandaloneConfig]],
  [{ RETENTION_DAYS: '0' }, 'RETENTION_DAYS', [MessageConfig, StandaloneConfig]],
  [{ PUSH_CONTACT: 'me' }, 'PUSH_CONTACT', [MessageConfig, StandaloneConfig]],
  [{ S3_ENDPOINT: 's3.example.org' }, 'S3_ENDPOINT', [FileConfig, StandaloneConfig]],
  [{ S3_BUCKET: 'b' }, 'S3_BUCKET', [FileConfig, StandaloneConfig]],
  [{ S3_PRESIGNED_DOWNLOADS: 'true' }, 'S3_PRESIGNED_DOWNLOADS', [FileConfig, StandaloneConfig]],
  [{ FILE_RETENTION: '1s' }, 'FILE_RETENTION', [FileConfig, StandaloneConfig]],
  [{ FILE_QUOTA_BYTES: '10 GiB' }, 'FILE_QUOTA_BYTES', [FileConfig, StandaloneConfig]],
  [{ GATEWAY_ROUTES: '/api=nobody' }, 'GATEWAY_ROUTES', [GatewayConfig, StandaloneConfig]],
  [{ GATEWAY_ORIGINS: 'example' }, 'GATEWAY_ORIGINS', [GatewayConfig, StandaloneConfig]],
  [{ HSTS_MAX_AGE: 'a year' }, 'HSTS_MAX_AGE', [GatewayConfig, StandaloneConfig]],
];

test.each(FAULTS)('%o is refused, and told by the name of %s', (given, named, schemas) => {
  for (const schema of schemas) {
    const message = faultOf(schema, given);
    expect(message).toContain(named);
    expect(message).not.toMatch(/\n\s+at |hidden-password|short-secret|insecure-default/);
    for (const secret of Object.values(VALID)) {
      if (secret !== VALID.DATA_DIR) expect(message).not.toContain(secret);
    }
  }
});

test.each(['JWT_ACCESS_SECRET', 'INTERNAL_SECRET', 'FIELD_KEYS', 'KEY_LOG_SECRET', 'DATA_DIR'])(
  'without %s the message asks for it',
  (name) => {
    expect(faultOf(StandaloneConfig, { [name]: '' })).toContain(name);
  },
);

function faultOf(schema: z.ZodObject, given: Record<string, string>): string {
  try {
    loadConfig(schema, { environment: { ...VALID, ...given } });
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return expect.fail('the configuration was taken');
}
