import { ConfigError, loadConfig } from '@sotto/runtime';
import { expect, test } from 'vitest';
import { AuthConfig, registrationMode } from './config.ts';

const secret = (name: string) => `${name}-0123456789-0123456789-0123456789`;
const environment = {
  INTERNAL_SECRET: secret('internal'),
  JWT_ACCESS_SECRET: secret('access'),
  JWT_REFRESH_SECRET: secret('refresh'),
  FIELD_KEYS: secret('field'),
};

test('four secrets are all that must be told', () => {
  const config = loadConfig(AuthConfig, { environment });
  expect(config.jwt).toMatchObject({
    accessTokenSecret: [secret('access')],
    accessTokenExpiry: 900_000,
    refreshTokenExpiry: 720 * 3_600_000,
  });
  expect(config.limits).toMatchObject({
    registerPerHour: 3,
    registerPerHourPrivate: 60,
    loginFailures: 5,
    loginWindow: 900_000,
    loginLock: 300_000,
    userPerMinute: 60,
  });
});

test.each([
  [{}, 'open'],
  [{ SERVER_HOST: 'localhost' }, 'open'],
  [{ SERVER_HOST: '::1' }, 'open'],
  [{ SERVER_HOST: '0.0.0.0' }, 'invite'],
  [{ SERVER_HOST: '127.example.org' }, 'invite'],
  [{ TRUSTED_PROXIES: '1' }, 'invite'],
  [{ PUBLIC_ORIGINS: 'https://chat.example.org' }, 'invite'],
  [{ PUBLIC_ORIGINS: 'http://localhost:8080,https://chat.example.org' }, 'invite'],
  [{ PUBLIC_ORIGINS: 'http://localhost:8080,http://127.0.0.1:8080,http://[::1]:8080' }, 'open'],
  [{ SERVER_HOST: '0.0.0.0', SERVER_PUBLISHED_HOST: '127.0.0.1' }, 'open'],
  [{ SERVER_PUBLISHED_HOST: '0.0.0.0' }, 'invite'],
  [{ SERVER_HOST: '0.0.0.0', SERVER_PUBLISHED_HOST: '::1', TRUSTED_PROXIES: '1' }, 'invite'],
  [{ TRUSTED_PROXIES: '1', REGISTRATION_MODE: 'open' }, 'open'],
  [{ SERVER_HOST: '0.0.0.0', REGISTRATION_MODE: 'open' }, 'open'],
  [{ REGISTRATION_MODE: 'closed' }, 'closed'],
])('with %j registration is %s', (changes, mode) => {
  const config = loadConfig(AuthConfig, { environment: { ...environment, ...changes } });
  expect(registrationMode(config)).toBe(mode);
});

test('a list of secrets is kept in its order', () => {
  const JWT_ACCESS_SECRET = `${secret('new')}, ${secret('old')}`;
  const config = loadConfig(AuthConfig, { environment: { ...environment, JWT_ACCESS_SECRET } });
  expect(config.jwt.accessTokenSecret).toEqual([secret('new'), secret('old')]);
});

test('every fault is told by name, none by value', () => {
  const wrong = {
    JWT_ACCESS_SECRET: `${secret('new')},short-secret`,
    JWT_ACCESS_EXPIRY: '1h',
    LIMITS_REGISTER_PER_HOUR: 'many',
  };
  let error: unknown;
  try {
    loadConfig(AuthConfig, { environment: wrong });
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(ConfigError);
  const { message } = error as ConfigError;
  for (const name of [...Object.keys(wrong), 'JWT_REFRESH_SECRET', 'INTERNAL_SECRET']) {
    expect(message).toContain(name);
  }
  expect(message).not.toMatch(/short-secret|many/);
});

test('a published default is refused in production', () => {
  const JWT_REFRESH_SECRET = `insecure-default-${secret('refresh')}`;
  const source = { environment: { ...environment, JWT_REFRESH_SECRET, NODE_ENV: 'production' } };
  expect(() => loadConfig(AuthConfig, source)).toThrow(/JWT_REFRESH_SECRET/);
});
