/** Broken configurations, each given to a process: it says what is wrong with one variable, and ends with 78. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { configurationFaults, VALID } from '../../scripts/doctor/configuration.fixture.ts';
import { runScript } from './script.ts';

const CONFIG = 78;
const directory = mkdtempSync(join(tmpdir(), 'sotto-config-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** One service each, in turn. */
const FAULTS = configurationFaults(directory).map(([given, named, refusedBy], index) => {
  const services = refusedBy.filter((name) => name !== 'standalone');
  return [services[index % services.length] ?? '', given, named] as const;
});

test.concurrent.each(FAULTS)('%s refuses %o, by the name of %s', async (service, given, named) => {
  const environment = { ...VALID, ...given };
  const main = `services/${service}/src/main.ts`;
  const { code, stdout, stderr } = await runScript(main, ['--check'], environment);
  expect({ code, stdout }, stderr).toEqual({ code: CONFIG, stdout: '' });
  const [headline, ...faults] = stderr.trimEnd().split('\n');
  expect(headline).toBe('the configuration is not valid:');
  expect(faults).toEqual([expect.stringContaining(named)]);
  expect(stderr).not.toMatch(/\bat .*:\d+:\d+|hidden-password|short-secret|insecure-default/);
});

test('there are thirty and more', () => {
  expect(FAULTS.length).toBeGreaterThanOrEqual(30);
});
