/** The life of a process: start, say so, end soon after a signal. */
import { ConfigError } from './config.ts';
import { describeError } from './error-text.ts';
import { SHUTDOWN_MS } from './limits.ts';
import { listenFault, UnavailableError } from './start-faults.ts';
import { EXIT_CONFIG, EXIT_UNAVAILABLE } from './terminal.ts';

/** What a process runs. */
export interface Running {
  /** Printed on a line of its own when everything is up. */
  ready?: string;
  close(): Promise<void>;
}

export interface RunOptions {
  /** Reads and checks the configuration; all that the process does with `--check`. */
  check?: () => unknown;
  /** How long closing may take; SHUTDOWN_MS when left out. */
  shutdownMs?: number;
}

/**
 * Runs until SIGINT or SIGTERM, then closes and exits with 0; with 1 when that takes too long or fails, or when the
 * start fails; with 78 when the configuration is not valid, with 69 when what it names does not answer. A second signal ends the process at once.
 */
export function run(
  start: () => Promise<Running>,
  { check, shutdownMs = SHUTDOWN_MS }: RunOptions = {},
): void {
  if (process.argv.includes('--check')) {
    runCheck(check);
    return;
  }
  let stopping = false;
  let running: Promise<Running> | undefined;
  const stop = (): void => {
    if (stopping) process.exit(1);
    stopping = true;
    setTimeout(() => process.exit(1), shutdownMs).unref();
    (running ?? Promise.resolve(undefined))
      .then((started) => started?.close())
      .then(
        () => process.exit(0),
        (error) => fail(error),
      );
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  running = Promise.resolve().then(start);
  running.then((started) => {
    if (started.ready !== undefined && !stopping) process.stdout.write(`${started.ready}\n`);
  }, fail);
}

function runCheck(check: RunOptions['check']): void {
  try {
    check?.();
    process.stdout.write('the configuration is valid\n');
    process.exit(0);
  } catch (error) {
    fail(error);
  }
}

function fail(reason: unknown): never {
  const error = listenFault(reason);
  if (error instanceof ConfigError) {
    process.stderr.write(`${error.message}\n`);
    process.exit(EXIT_CONFIG);
  }
  if (error instanceof UnavailableError) {
    process.stderr.write(`${error.message}\n`);
    process.exit(EXIT_UNAVAILABLE);
  }
  process.stderr.write(
    `${JSON.stringify({ level: 'error', event: 'stopped', error: describeError(error) })}\n`,
  );
  process.exit(1);
}
