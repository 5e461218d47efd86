/**
 * Brings a compose file up, lets people talk, and takes its containers away one by one:
 * `npm run verify-compose [-- --cluster] [--only TEXT]`.
 *
 * `--only message` does what names a message service alone. It needs Docker and some fifteen minutes. Prints a table; exits with 1 when something was lost, came twice or out of order, or
 * took too long to come back, or when an image or a container is other than the manual says. What it starts it removes, but the images.
 */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { type FaultsOptions, type Outcome, sufferFaults } from './compose/faults.ts';
import { beginAgain, lookAfter, putBack } from './compose/operator.ts';
import { openStack, type Stack } from './compose/stack.ts';
import { type Survey, survey } from './compose/survey.ts';
import { beginTalk, type Recovery, type Talk } from './compose/talk.ts';

const DEMO_MS_MAX = 180_000;
const SETTLE_MS = 60_000;

const root = fileURLToPath(new URL('..', import.meta.url));

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      cluster: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
    },
  });
  process.exitCode = await verify(values, interruption()).catch((error: unknown) => {
    console.error(`sotto: ${error instanceof Error ? error.message : error}`);
    return 1;
  });
}

/** Aborts when somebody wants this to end: what was started is removed then, too. */
function interruption(): AbortSignal {
  const ending = new AbortController();
  for (const event of ['SIGINT', 'SIGTERM', 'disconnect'] as const) {
    process.once(event, () => ending.abort(new Error(`stopped by ${event}`)));
  }
  process.channel?.unref();
  return ending.signal;
}

/** Resolves to the exit code. */
async function verify(
  { cluster: isCluster, only }: { cluster: boolean; only: string },
  signal: AbortSignal,
): Promise<number> {
  await using stack = await openStack({ root, isCluster, signal });
  const say = (line: string): void => console.error(`${new Date().toISOString()} ${line}`);
  say(`build the images of ${stack.file}`);
  await stack.build();
  say('start');
  const started = performance.now();
  await stack.up();
  const upMs = performance.now() - started;
  const trusted = isCluster ? await trustIn(stack) : {};
  say('the demo');
  await playDemo(stack, { ...process.env, ...trusted }, signal);
  say('the operator’s commands');
  await lookAfter(stack);
  say('images and containers');
  const surveys = await survey(stack, signal);
  const { outcomes, verdict, alarms } = await talkThrough({ stack, only, signal, say });
  const returned = await comeBack(stack, { signal, say });
  const versions = (await stack.versions()).trim();
  print({ file: stack.file, versions, upMs, surveys, outcomes });
  return judgeAll({ surveys, outcomes, verdict, alarms: [...alarms, ...returned] }) ? 0 : 1;
}

/** Backups are put back, and the people of the demo go on. Resolves to what went wrong: what was found before is told as well. */
async function comeBack(
  stack: Stack,
  { signal, say }: { readonly signal: AbortSignal; readonly say: (line: string) => void },
): Promise<string[]> {
  const trust = async () => (stack.isCluster ? await trustIn(stack) : {});
  try {
    say('a restore, and the demo of the same people');
    await putBack(stack);
    await playDemo(stack, { ...process.env, ...(await trust()) }, signal);
    say('the loss of all volumes, a restore, and the demo of the same people');
    await beginAgain(stack);
    await playDemo(stack, { ...process.env, ...(await trust()) }, signal);
    return [];
  } catch (error) {
    signal.throwIfAborted();
    return [`after the restore: ${error}`];
  }
}

/** People write to each other while everything happens that is tried. */
async function talkThrough(given: Omit<FaultsOptions, 'talk'>) {
  const { stack, only, signal } = given;
  const talk = await beginTalk({ url: stack.url, directory: stack.directory, signal });
  try {
    const outcomes = await sufferFaults({ ...given, talk });
    if (outcomes.length === 0) throw new Error(`nothing that is tried names ${only}`);
    return { outcomes, verdict: await talk.end(SETTLE_MS), alarms: talk.alarms };
  } finally {
    await talk.close();
  }
}

/** HAProxy has made its own certificate: this process and the demo believe it. */
async function trustIn(stack: Stack): Promise<Record<string, string>> {
  const certificate = await stack.certificate();
  const file = join(stack.directory, 'certificate.pem');
  writeFileSync(file, certificate);
  setDefaultCACertificates([...getCACertificates('default'), certificate]);
  return { NODE_EXTRA_CA_CERTS: file };
}

async function playDemo(
  { url, directory }: Stack,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<void> {
  const words = ['scripts/demo.ts', '--url', url, '--data', join(directory, 'demo')];
  const options = { cwd: root, env, signal, timeout: DEMO_MS_MAX };
  await promisify(execFile)(process.execPath, words, options);
}

interface Told {
  readonly file: string;
  readonly versions: string;
  readonly upMs: number;
  readonly surveys: readonly Survey[];
  readonly outcomes: readonly Outcome[];
}

function print({ file, versions, upMs, surveys, outcomes }: Told): void {
  console.log(`\`${file}\`, ${versions}, ${new Date().toISOString().slice(0, 10)}:`);
  console.log(
    `healthy ${seconds(upMs)} s after \`up\`; the demo exits with 0, and so do doctor, admin and backup in a container of`,
    '`tools`; restores, and the demo after them, where nothing else is said below the tables.\n',
  );
  console.log('| image | MB | ms from its start to `ready` | its fault |\n|---|--:|--:|---|');
  for (const { image, bytes, startMs, faults } of surveys) {
    const size = bytes === undefined ? '' : (bytes / 1e6).toFixed(0);
    console.log(`| ${[image, size, startMs ?? '', faults.join('; ')].join(' | ')} |`);
  }
  console.log();
  console.log(
    '| fault | texts | a file | somebody new | texts, once it is back | a file | somebody new |',
  );
  console.log('|---|--:|--:|--:|--:|--:|--:|');
  for (const { fault, gone, back } of outcomes) {
    console.log(`| ${[fault, ...cells(gone), ...cells(back)].join(' | ')} |`);
  }
}

function cells(recovery: Recovery | undefined): string[] {
  if (recovery === undefined) return ['', '', ''];
  const { texts, file, newcomer } = recovery;
  return [texts, file, newcomer].map((ms) => (ms === undefined ? '**never**' : seconds(ms)));
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

interface Judged extends Pick<Told, 'surveys' | 'outcomes'> {
  readonly verdict: Awaited<ReturnType<Talk['end']>>;
  readonly alarms: readonly string[];
}

/** Says what the people have found. True when all is well. */
function judgeAll({ surveys, outcomes, verdict, alarms }: Judged): boolean {
  const { written, expected, missing, twice, disordered, unreadable, untaken } = verdict;
  console.log(`\n${written} texts were written, to be shown in ${expected} places of histories:`);
  console.log(
    `${missing} missing, ${twice} twice, ${disordered} out of order, ${unreadable} unreadable, ${untaken} not told.`,
  );
  for (const line of [...verdict.findings, ...alarms]) console.log(`- ${line}`);
  const isQuick = outcomes.every(({ gone, back, withinMs }) =>
    [gone, back]
      .flatMap((one) => (one === undefined ? [] : [one.texts, one.file, one.newcomer]))
      .every((ms) => ms !== undefined && ms <= withinMs),
  );
  const isWhole = missing + twice + disordered + unreadable + untaken === 0;
  const isClosed = surveys.every(({ faults }) => faults.length === 0);
  return isQuick && isWhole && isClosed && alarms.length === 0;
}
