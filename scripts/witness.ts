/**
 * A witness of a platform's key log: `npm run witness -- --url https://chat.example.org`.
 *
 * It reads every leaf, checks that the log only ever grows and that no account has two identities of one version, and
 * signs each head that it has followed the log to. It needs no account, and learns of nobody who they are. Run it on
 * a machine that whoever runs the platform does not control. docs/key-log.md says how, and what an alarm means.
 *
 * Exit code: 0 for a log that is as it should be, 2 for an alarm, 1 for everything else.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Alarm, describeAlarm } from './witness/alarm.ts';
import { cosignHead } from './witness/cosigning.ts';
import { followLog } from './witness/follow.ts';
import { type LogReader, openLog, Unreachable } from './witness/log-reader.ts';
import {
  loadState,
  loadWitnessKey,
  lockState,
  saveEvidence,
  saveState,
  witnessKeyText,
} from './witness/state.ts';

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

const USAGE = `usage: npm run witness -- --url URL [--state DIRECTORY] [--every SECONDS] [--once]

  --url URL          the platform whose key log is followed
  --state DIRECTORY  where this witness keeps its key and what it has seen (.witness)
  --every SECONDS    how long to wait between two looks (10)
  --once             look once and end
  --help             show this

Exit codes: 0 the log is as it should be, 2 alarm, 1 everything else.`;

/** That nothing is new is said once, not at every look. */
let hasTold = false;

const stopping = new AbortController();
for (const event of ['SIGINT', 'SIGTERM', 'disconnect']) {
  process.once(event, () => stopping.abort());
}
process.channel?.unref();

process.exitCode = await main().catch((error: unknown) => {
  if (stopping.signal.aborted) return 0;
  console.error(error instanceof Error ? error.message : error);
  return 1;
});

async function main(): Promise<number> {
  const { help, url, state, once, everyMs } = readArguments();
  if (help) {
    console.log(USAGE);
    return 0;
  }
  const log = openLog(url, stopping.signal);
  const lock = lockState(state);
  const key = loadWitnessKey(state);
  console.log(`witness key ${witnessKeyText(key)} (for KEY_LOG_WITNESSES)`);
  const round = () => witness(log, state, key);
  try {
    await (once ? round() : follow(round, everyMs));
    return 0;
  } catch (error) {
    if (!(error instanceof Alarm)) throw error;
    const evidence = saveEvidence(state, error);
    console.error(`ALARM ${error.code} at ${url}: ${describeAlarm(error)}`);
    console.error(`what proves it is in ${evidence}`);
    return 2;
  } finally {
    lock.close();
  }
}

function readArguments() {
  const { values } = parseArgs({
    options: {
      url: { type: 'string' },
      state: { type: 'string', default: '.witness' },
      every: { type: 'string', default: '10' },
      once: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const { url = '', once, help } = values;
  const seconds = Number(values.every);
  if (!help && (!URL.canParse(url) || !(seconds >= 1))) throw new Error(USAGE);
  return { help, url, once, state: join(values.state), everyMs: seconds * 1_000 };
}

/** One look at the log. What was checked is on the disk before a signature leaves: a crash cannot make us sign a fork. */
async function witness(
  log: LogReader,
  directory: string,
  key: ReturnType<typeof loadWitnessKey>,
): Promise<void> {
  const seen = loadState(directory);
  const { followed, news, excused } = await followLog(log, seen);
  if (excused !== undefined) {
    console.log(`what was seen before is in ${saveEvidence(directory, excused)}`);
  }
  saveState(directory, followed, seen);
  for (const line of news) console.log(line);
  if (news.length === 0 && !hasTold) console.log(`unchanged at ${followed.tree.size} leaves`);
  hasTold = true;
  const isKept = await cosignHead(log, followed.head, key);
  if (news.length > 0 && !isKept) {
    console.log(
      'the platform does not keep our signature: this witness is not in KEY_LOG_WITNESSES',
    );
  }
}

/** Again and again, with longer pauses while the platform is out of reach. Ends with an alarm, or when it is stopped. */
async function follow(round: () => Promise<void>, everyMs: number): Promise<void> {
  let failures = 0;
  while (!stopping.signal.aborted) {
    let pauseMs = everyMs;
    try {
      await round();
      failures = 0;
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      if (failures === 0) console.error(`${error.message}; trying again`);
      pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures);
      failures = Math.min(failures + 1, 16);
    }
    await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
  }
}
