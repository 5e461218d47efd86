import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@sotto/runtime';
import { afterAll, expect, onTestFinished, test, vi } from 'vitest';
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

const directory = mkdtempSync(join(tmpdir(), 'sotto-doctor-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** A certificate for chat.example.org and its key, good for so many days from now. */
function certificate(days: number) {
  const place = (kind: string) => join(directory, `${days}.${kind}`);
  const [cert, key] = [place('crt'), place('key')];
  const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const names = ['-subj', '/CN=test', '-addext', 'subjectAltName=DNS:chat.example.org'];
  const files = ['-days', `${days}`, '-keyout', key, '-out', cert];
  execFileSync('openssl', [...words, ...names, ...files], { stdio: 'ignore' });
  return { TLS_CERT: cert, TLS_KEY: key };
}

test('a certificate is to be the key’s, to name the origins, and to last', async () => {
  const [long, short] = [certificate(90), certificate(10)];
  const ours = { PUBLIC_ORIGINS: 'https://chat.example.org' };
  const look = (given: Record<string, string>) => exposureChecks.tls?.(patient(given));
  expect(await look({ ...long, ...ours })).toMatchObject({ level: 'ok' });
  expect(await look({ ...short, ...ours })).toMatchObject({
    level: 'warn',
    says: expect.stringContaining('good for 9 days'),
  });
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 11 * 86_400_000 });
  onTestFinished(() => void vi.useRealTimers());
  const failures: [Record<string, string>, string][] = [
    [{ ...short, ...ours }, 'has expired'],
    [{ ...long, ...ours, TLS_KEY: short.TLS_KEY }, 'not the key of'],
    [{ ...long, PUBLIC_ORIGINS: 'https://other.example.org' }, 'does not name other.example.org'],
  ];
  for (const [given, says] of failures) {
    expect(await look(given)).toMatchObject({ level: 'fail', says: expect.stringContaining(says) });
  }
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
