/** Broken configurations, and what their message has to name. Read by the test of the words and by that of the processes. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Enough for each. */
export const VALID = {
  DATA_DIR: '/nowhere',
  JWT_ACCESS_SECRET: 'a-secret-of-a-test-that-is-long-enough-1',
  JWT_REFRESH_SECRET: 'a-secret-of-a-test-that-is-long-enough-2',
  INTERNAL_SECRET: 'a-secret-of-a-test-that-is-long-enough-3',
  FIELD_KEYS: 'a-secret-of-a-test-that-is-long-enough-4',
  KEY_LOG_SECRET: 'a-secret-of-a-test-that-is-long-enough-5',
};

export type Configured = 'auth' | 'key' | 'message' | 'file' | 'gateway' | 'standalone';

const DATABASE = ['auth', 'key', 'message', 'file', 'standalone'] as const;
const ALL = [...DATABASE, 'gateway'] as const;

/** What is set, what the message has to name, and who has to refuse it. */
export type ConfigurationFault = readonly [
  given: Readonly<Record<string, string>>,
  named: string,
  refusedBy: readonly Configured[],
];

/** All of them; files that some need are written to a directory, which is the caller's to remove. */
export function configurationFaults(directory: string): readonly ConfigurationFault[] {
  const file = (name: string, text: string) => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  return [
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
      {
        INTERNAL_SECRET: VALID.INTERNAL_SECRET,
        INTERNAL_SECRET_FILE: file('both', 'x'.repeat(40)),
      },
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
    [{ JWT_ACCESS_SECRET: 'short' }, 'JWT_ACCESS_SECRET', ['auth', 'standalone']],
    [{ JWT_ACCESS_EXPIRY: '16m' }, 'JWT_ACCESS_EXPIRY', ['auth', 'standalone']],
    [{ JWT_REFRESH_EXPIRY: 'forever' }, 'JWT_REFRESH_EXPIRY', ['auth', 'standalone']],
    [{ REGISTRATION_MODE: 'anyone' }, 'REGISTRATION_MODE', ['auth', 'standalone']],
    [{ FIELD_KEYS: `${VALID.FIELD_KEYS},short` }, 'FIELD_KEYS', ['auth', 'standalone']],
    [{ KEY_LOG_WITNESSES: 'nobody' }, 'KEY_LOG_WITNESSES', ['key', 'standalone']],
    [{ DIRECTORY_MODE: 'closed' }, 'DIRECTORY_MODE', ['message', 'standalone']],
    [{ RETENTION_DAYS: '0' }, 'RETENTION_DAYS', ['message', 'standalone']],
    [{ PUSH_CONTACT: 'me' }, 'PUSH_CONTACT', ['message', 'standalone']],
    [{ S3_ENDPOINT: 's3.example.org' }, 'S3_ENDPOINT', ['file', 'standalone']],
    [{ S3_BUCKET: 'b' }, 'S3_BUCKET', ['file', 'standalone']],
    [{ S3_PRESIGNED_DOWNLOADS: 'true' }, 'S3_PRESIGNED_DOWNLOADS', ['file', 'standalone']],
    [{ FILE_RETENTION: '1s' }, 'FILE_RETENTION', ['file', 'standalone']],
    [{ FILE_QUOTA_BYTES: '10 GiB' }, 'FILE_QUOTA_BYTES', ['file', 'standalone']],
    [{ GATEWAY_ROUTES: '/api=nobody' }, 'GATEWAY_ROUTES', ['gateway', 'standalone']],
    [{ GATEWAY_ORIGINS: 'example' }, 'GATEWAY_ORIGINS', ['gateway', 'standalone']],
    [{ HSTS_MAX_AGE: 'a year' }, 'HSTS_MAX_AGE', ['gateway', 'standalone']],
  ];
}
