import { playwright } from '@vitest/browser-playwright';
import { defineConfig, type TestProjectConfiguration } from 'vitest/config';
import { findProgram } from './tests/daemon.ts';

const chromium = process.env.CHROMIUM ?? findProgram('chromium', process.env.PATH ?? '');

/** Every test that listens on a port or opens a database does so on 127.0.0.1 and on a free port. */
export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Most tests wait for servers and clocks; vitest's own choice would leave one of two cores idle.
    maxWorkers: 2,
    projects: [
      project('unit', [
        'packages/{api,crypto,client,hooks}/src/**/*.test.{ts,tsx}',
        'apps/*/src/**/*.test.{ts,tsx}',
        'scripts/**/*.test.ts',
      ]),
      project('integration', [
        'packages/runtime/src/**/*.test.ts',
        'services/*/{src,test}/**/*.test.ts',
      ]),
      project('system', ['tests/**/*.test.ts']),
      ...browserProjects(),
    ],
  },
});

function project(name: string, include: string[]) {
  return { extends: true as const, test: { name, include } };
}

/** The protocol library's suite in a page and in a worker; none without a browser, which `npm test` reports. */
function browserProjects(): TestProjectConfiguration[] {
  if (chromium === undefined) return [];
  return [
    {
      extends: true,
      test: {
        name: 'browser',
        api: { host: '127.0.0.1' },
        include: ['packages/crypto/src/**/*.test.ts', 'tests/browser/*.browser.ts'],
        browser: {
          enabled: true,
          headless: true,
          screenshotFailures: false,
          provider: playwright({
            launchOptions: {
              executablePath: chromium,
              args: [
                '--no-sandbox',
                '--disable-gpu',
                '--disable-quic',
                '--no-first-run',
                '--disable-background-networking',
                '--disable-component-update',
                '--disable-sync',
              ],
            },
          }),
          instances: [{ browser: 'chromium' }],
        },
      },
    },
  ];
}
