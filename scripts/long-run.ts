/** What runs of many minutes have in common: what they may be told, how they are ended, and how they report. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type ParseArgsConfig, parseArgs } from 'node:util';

/** As a shell tells of a program that was interrupted. */
export const EXIT_STOPPED = 130;

/** As a shell tells of a program that was called in a wrong way. */
const EXIT_USAGE = 2;

type Flags = NonNullable<ParseArgsConfig['options']>;
type Values<T extends Flags> = ReturnType<typeof parseArgs<{ options: T }>>['values'];

/** The flags of this process. Ends it, with one line, for what is none of them, and after `--help`. */
export function readFlags<const T extends Flags>(usage: string, options: T): Values<T> {
  const values = readOrEnd(options);
  if (!('help' in values)) return values;
  console.log(usage);
  process.exit();
}

function readOrEnd<T extends Flags>(options: T): Values<T> {
  try {
    const help = { type: 'boolean', short: 'h' } as const;
    return parseArgs({ options: { ...options, help } }).values as Values<T>;
  } catch (error) {
    return refuseCall(error instanceof Error ? error.message : String(error));
  }
}

/** Ends the process: it was called in a wrong way. */
export function refuseCall(why: string): never {
  console.error(`${why}\n--help tells what there is`);
  process.exit(EXIT_USAGE);
}

/** A flag that counts something, from 1. Ends the process for anything else. */
export function countOf(name: string, value: string): number {
  const count = Number(value);
  return Number.isInteger(count) && count > 0
    ? count
    : refuseCall(`--${name} takes a number from 1`);
}

/** Another course of events each time: a seed between 0 and 2^32. */
export function anySeed(): string {
  return String(Date.now() % 2 ** 32);
}

/**
 * Aborts when somebody wants the run to end: it then removes what it has started. Who asks twice waits for nothing.
 */
export function untilStopped(): AbortSignal {
  const ending = new AbortController();
  for (const event of ['SIGINT', 'SIGTERM', 'disconnect'] as const) {
    process.on(event, () => {
      if (ending.signal.aborted) process.exit(EXIT_STOPPED);
      console.error('ending what was started');
      ending.abort(new Error(`stopped by ${event}`));
    });
  }
  process.channel?.unref();
  return ending.signal;
}

/** Where a run's last report is kept, under `docs/reports`. */
export interface Report {
  readonly name: string;
  /** Undefined: it is printed, and not kept. */
  readonly isKept: boolean | undefined;
}

/** Prints what a run found, with when, by which code and on what; writes it down when it is to be kept. */
export function reportRun({ name, isKept }: Report, found: object): void {
  const commit = execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' });
  const run = { at: new Date().toISOString(), commit: commit.trim() };
  const machine = { node: process.version, cores: cpus().length };
  const text = `${JSON.stringify({ ...run, ...machine, ...found }, undefined, 2)}\n`;
  console.log(text);
  if (!isKept) return;
  writeFileSync(fileURLToPath(new URL(`../docs/reports/${name}.json`, import.meta.url)), text);
}
