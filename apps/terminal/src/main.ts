/** The program `sotto`: its process, and what it takes from its environment. */
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import { askingPerson } from './input.ts';
import { run } from './run.ts';

/** Of a terminal that does not say how wide it is. */
const COLUMNS = 80;

declare const SOTTO_VERSION: string | undefined;

const environment = process.env;
const stopping = new AbortController();

// Ink colours by this variable alone; https://no-color.org is what people set.
if (environment.NO_COLOR) environment.FORCE_COLOR = '0';

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // Who asks twice does not want to wait.
    if (stopping.signal.aborted) process.exit(128 + constants.signals[signal]);
    stopping.abort(128 + constants.signals[signal]);
  });
}
// Other programs of the account may wait for this one, which has its store: all of them would stand still.
process.on('SIGTSTP', () => {
  process.stderr.write('sotto: is not stopped, others may wait for it; Ctrl+C ends it\n');
});
// npm's launcher is gone, however it went.
process.once('disconnect', () => stopping.abort(128 + constants.signals.SIGTERM));
process.channel?.unref();

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    stopping.abort(0); // Whoever read has read enough, as `head` does.
  });
}

process.exitCode = await run({
  argv: process.argv.slice(2),
  output: {
    out: (line) => void process.stdout.write(`${line}\n`),
    note: (line) => void process.stderr.write(`${line}\n`),
    isTerminal: isatty(2),
    columns: process.stderr.columns ?? COLUMNS,
  },
  asking: askingPerson(stopping.signal),
  canDraw: isatty(1) && environment.TERM !== 'dumb',
  workingDirectory: environment.INIT_CWD ?? process.cwd(),
  dataHome: environment.XDG_DATA_HOME || undefined,
  version: typeof SOTTO_VERSION === 'string' ? SOTTO_VERSION : 'development',
  signal: stopping.signal,
});
