/**
 * Every test, against real servers: `npm test`, or a part of them with vitest's own arguments, `npm test -- packages/api`.
 *
 * Ends with the plain line `N passed, N failed`, whatever happens. With TELL_UNSTEADY=1 a few files that failed are run
 * once more, with the machine to themselves: what passes then is told as unsteady, and does not count as failed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  missingForExamples,
  missingServers,
  startServers,
  type TestServers,
} from '../tests/servers.ts';
import { canInstall, installMissing, reportMissing } from './setup-tests.ts';
import { REPORT_VARIABLE, type TestReport } from './test-report.ts';

/** A run that takes longer hangs. */
const RUN_MS = 75 * 60_000;

/** Then what was asked to end is made to. */
const STOP_MS = 5_000;

/** More of them are no matter of luck: one bad minute of a machine that others use, too, has failed nine. */
const UNSTEADY_FILES_MAX = 24;

interface Outcome {
  passed: number;
  failed: number;
}

interface Run extends Outcome {
  report: TestReport | undefined;
}

/** How a test says that it needs something that is not there. */
const NEEDS_MISSING =
  /\b(TEST_[A-Z0-9_]+|CHROMIUM) is not set\b|\bspawnSync (openssl|promtool) ENOENT\b/;

const stopping = new AbortController();
for (const event of ['SIGINT', 'SIGTERM', 'disconnect']) {
  process.once(event, () => stopping.abort());
}
process.channel?.unref();

const outcome = await testAll().catch((error: unknown): Outcome => {
  console.error(error instanceof Error ? error.message : error);
  return { passed: 0, failed: 1 };
});
console.log(`${outcome.passed} passed, ${outcome.failed} failed`);
process.exit(outcome.failed === 0 && !stopping.signal.aborted ? 0 : 1);

async function testAll(): Promise<Outcome> {
  const missing = canInstall() ? installMissing(missingServers) : missingServers(process.env);
  reportMissing(missing);
  if (missing.length > 0 && process.env.ALLOW_MISSING !== '1') {
    console.error(
      'as root on Debian, npm run setup-tests installs them; ALLOW_MISSING=1 goes without',
    );
    return { passed: 0, failed: missing.length };
  }
  for (const { name, howTo } of withExamples())
    console.error(`${name} is missing, so its tests are not run: ${howTo}`);
  const servers = await startServers(process.env);
  try {
    const run = await runVitest(servers, process.argv.slice(2));
    return process.env.TELL_UNSTEADY === '1' ? await tryAgain(servers, run) : run;
  } finally {
    await servers.close();
  }
}

/** What is missing still, once everything was tried. */
function withExamples() {
  return canInstall() ? installMissing(missingForExamples) : missingForExamples(process.env);
}

/** The run, without what passes when nothing else runs; each such test is a fault to be found all the same. */
async function tryAgain(servers: TestServers, first: Run): Promise<Outcome> {
  const { report } = first;
  const files = [...new Set(report?.files)];
  if (report === undefined || report.homeless > 0) return first;
  if (files.length === 0 || files.length > UNSTEADY_FILES_MAX) return first;
  console.log(`failed, and run again alone: ${files.join(' ')}`);
  const second = await runVitest(servers, ['--no-file-parallelism', ...files]);
  const passed = new Set([...report.passedTests, ...(second.report?.passedTests ?? [])]);
  if (second.failed > 0 || !report.failedTests.every((name) => passed.has(name))) return first;
  console.log('UNSTEADY, failed beside others and passed alone; find out why:');
  // What failed outside of a test is told by its file.
  for (const name of [...report.failedTests, ...files]) console.log(`  ${name}`);
  return { passed: passed.size, failed: 0 };
}

async function runVitest({ environment }: TestServers, args: readonly string[]): Promise<Run> {
  const directory = mkdtempSync(join(tmpdir(), 'sotto-report-'));
  const report = join(directory, 'report.json');
  try {
    const child = spawn(
      process.execPath,
      [
        ...['node_modules/vitest/vitest.mjs', 'run', '--reporter=default'],
        ...['--reporter=./scripts/test-report.ts', ...args],
      ],
      {
        stdio: ['ignore', 'inherit', 'inherit'],
        env: { ...process.env, ...environment, [REPORT_VARIABLE]: report },
        // In a process group of its own, which can be ended whole: workers, and what tests have started.
        detached: true,
      },
    );
    const code = await ended(child);
    return count(report, code);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function ended(child: ChildProcess): Promise<number> {
  const signal = (name: NodeJS.Signals): void => {
    if (child.pid !== undefined && isGroupAlive(child.pid)) process.kill(-child.pid, name);
  };
  const stop = (): void => {
    signal('SIGTERM');
    setTimeout(() => signal('SIGKILL'), STOP_MS).unref();
  };
  const timer = setTimeout(stop, RUN_MS);
  stopping.signal.addEventListener('abort', stop, { once: true });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', async (code) => {
      clearTimeout(timer);
      await groupEnded(child.pid ?? 0);
      resolve(code ?? 1);
    });
  });
}

/** Workers outlive a vitest that was stopped; servers go only when nobody uses them any more. */
async function groupEnded(pid: number): Promise<void> {
  const deadline = Date.now() + STOP_MS;
  while (isGroupAlive(pid) && Date.now() < deadline) await sleep(20);
  if (isGroupAlive(pid)) process.kill(-pid, 'SIGKILL');
}

function isGroupAlive(pid: number): boolean {
  try {
    return process.kill(-pid, 0);
  } catch {
    return false;
  }
}

/** What the report counts, and one more when it does not tell why vitest failed. */
function count(path: string, code: number): Run {
  if (!existsSync(path)) return { passed: 0, failed: 1, report: undefined };
  const report: TestReport = JSON.parse(readFileSync(path, 'utf8'));
  const { passed, failures } = report;
  const excused =
    process.env.ALLOW_MISSING === '1' ? failures.filter((why) => NEEDS_MISSING.test(why)) : [];
  if (excused.length > 0) console.log(`${excused.length} not run, because a server is missing`);
  const isUnexplained = code !== 0 && failures.length === 0;
  return { passed, failed: isUnexplained ? 1 : failures.length - excused.length, report };
}
