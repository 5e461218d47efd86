import { defineConfig } from 'vitest/config';

/** Every test that listens on a port or opens a database does so on 127.0.0.1 and on a free port. */
export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      project('unit', ['packages/{api,crypto,client}/src/**/*.test.ts', 'scripts/**/*.test.ts']),
      project('integration', [
        'packages/runtime/src/**/*.test.ts',
        'services/*/{src,test}/**/*.test.ts',
      ]),
      project('system', ['tests/**/*.test.ts']),
    ],
  },
});

function project(name: string, include: string[]) {
  return { extends: true as const, test: { name, include } };
}
