import { randomBytes } from 'node:crypto';
import { loadConfig } from '@sotto/runtime';
import { expect, test } from 'vitest';
import { StandaloneConfig } from '../../services/standalone/src/config.ts';
import { exposureChecks } from './exposure-checks.ts';
import type { Patient } from './finding.ts';
import { machineChecks } from './machine-checks.ts';

const random = () => randomBytes(32).toString('base64url');

function patient(environment: Record<string, string> = {}): Patient {
  const defaults = {
    DATA_DIR: '/nowhere',
    JWT_ACCESS_SECRET: random(),
    JWT_REFRESH_SECRET: random(),
    INTERNAL_SECRET: random(),
    FIELD_KEYS: random(),
    KEY_LOG_SECRET: random(),
  };
  const config = loadConfig(StandaloneConfig, { environment, defaults });
  return { config, environment, secrets: new Map(), isEmbedded: true, backups: undefined };
}

test.each([
  ['exposure', {}, 'ok'],
  ['exposure', { SERVER_HOST: '0.0.0.0' }, 'fail'],
  ['exposure', { SERVER_HOST: '0.0.0.0', TRUSTED_PROXIES: '1' }, 'ok'],
  ['exposure', { TRUSTED_PROXIES: '1', PUBLIC_ORIGINS: 'http://chat.example.org' }, 'warn'],
  ['origins', {}, 'ok'],
  ['origins', { TRUSTED_PROXIES: '1' }, 'fail'],
  ['origins', { TRUSTED_PROXIES: '1', PUBLIC_ORIGINS: 'https://chat.example.org' }, 'ok'],
  ['registration', { REGISTRATION_MODE: 'open', SERVER_HOST: '0.0.0.0' }, 'warn'],
  ['registration', { REGISTRATION_MODE: 'open' }, 'ok'],
  ['registration', { SERVER_HOST: '0.0.0.0' }, 'ok'],
  ['tls', {}, 'skipped'],
  ['tls', { TLS_CERT: '/nowhere/cert', TLS_KEY: '/nowhere/key' }, 'fail'],
])('%s with %o: %s', async (check, environment, level) => {
  expect(await exposureChecks[check]?.(patient(environment))).toMatchObject({ level });
});

test('secrets are to be long, random, and each its own', async () => {
  const one = random();
  const cases: [Record<string, string>, string][] = [
    [{ INTERNAL_SECRET: one, FIELD_KEYS: random() }, 'ok'],
    [{ INTERNAL_SECRET: one, FIELD_KEYS: one }, 'fail'],
    [{ FIELD_KEYS: 'x'.repeat(40) }, 'fail'],
    [{ FIELD_KEYS: one.slice(0, 31) }, 'fail'],
    [{ FIELD_KEYS: 'insecure-default-0123456789-abcdefghij' }, 'fail'],
    [{}, 'ok'],
  ];
  for (const [given, level] of cases) {
    const secrets = new Map(Object.entries(given).map(([name, value]) => [name, [value]]));
    const finding = await machineChecks.secrets?.({ ...patient(), secrets });
    expect(finding).toMatchObject({ level });
    for (const value of Object.values(given)) expect(finding?.says).not.toContain(value);
  }
});
