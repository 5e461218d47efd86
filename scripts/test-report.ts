/**
 * What a run of vitest came to, as a file for `scripts/test.ts`: how many passed, and why each failure failed.
 *
 * vitest's own JSON report leaves out why a `beforeAll` failed, and errors that no test was there to catch.
 */
import { writeFileSync } from 'node:fs';
import type { Reporter, SerializedError, TestCase, TestModule, TestSuite } from 'vitest/node';

/** The variable that names the file. */
export const REPORT_VARIABLE = 'SOTTO_TEST_REPORT';

/** What the file holds. */
export interface TestReport {
  passed: number;
  /** One text for each failure: a test, a suite or file that could not be set up, an error outside of all tests. */
  failures: string[];
  /** Where they failed. */
  files: string[];
  /** Errors that no test was there to catch and that came while no file ran. */
  homeless: number;
  /** Of tests, by file and full name. */
  failedTests: string[];
  passedTests: string[];
}

/** Vitest makes one of its own for each run. */
class ReportWriter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const path = process.env[REPORT_VARIABLE];
    if (path === undefined) throw new Error(`${REPORT_VARIABLE} is not set`);
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const failed = tests.filter((test) => test.result().state === 'failed');
    const passed = tests.filter((test) => test.result().state === 'passed');
    const homes = unhandled.map(homeOf).filter((home) => home !== undefined);
    const report: TestReport = {
      ...{ failedTests: failed.map(nameOf), passedTests: passed.map(nameOf) },
      passed: passed.length,
      failures: [
        ...failed.map((test) => text(test.result().errors ?? [])),
        ...modules.flatMap(brokenSuites),
        ...unhandled.map((error) => error.message),
      ],
      files: [
        ...failed.map((test) => test.module.moduleId),
        ...modules
          .filter((module) => brokenSuites(module).length > 0)
          .map((module) => module.moduleId),
        ...homes,
      ],
      homeless: unhandled.length - homes.length,
    };
    writeFileSync(path, JSON.stringify(report));
  }
}

/** The file that ran when an error came that no test was there to catch, as vitest notes it. */
function homeOf(error: SerializedError): string | undefined {
  return typeof error.VITEST_TEST_PATH === 'string' ? error.VITEST_TEST_PATH : undefined;
}

function nameOf(test: TestCase): string {
  return `${test.project.name} ${test.module.moduleId} ${test.fullName}`;
}

function brokenSuites(module: TestModule): string[] {
  const suites: (TestModule | TestSuite)[] = [module, ...module.children.allSuites()];
  return suites.map((suite) => text(suite.errors())).filter((errors) => errors !== '');
}

function text(errors: readonly { message: string }[]): string {
  return errors.map((error) => error.message).join('\n');
}

// biome-ignore lint/style/noDefaultExport: vitest knows a reporter by it
export default ReportWriter;
