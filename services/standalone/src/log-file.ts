/** The log of a platform that a person started: in a file, so that the terminal stays calm. */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** Where a logger writes lines. */
export interface LogFile {
  write(line: string): void;
}

/** Two files of this size are kept, the current one and the one before. */
const LOG_BYTES_MAX = 10 * 1024 * 1024;

/** Bugs and faults that somebody must act on are shown at once as well. */
const SHOWN = '"level":"error"';

/** Appends lines to a file; those of level error go to `show` too. */
export function openLogFile(path: string, show: (line: string) => void): LogFile {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  let file = openSync(path, 'a', 0o600);
  let size = fstatSync(file).size;
  return {
    write(line) {
      if (size > LOG_BYTES_MAX) {
        closeSync(file);
        renameSync(path, `${path}.1`);
        file = openSync(path, 'a', 0o600);
        size = 0;
      }
      size += writeSync(file, line);
      if (line.includes(SHOWN)) show(line);
    },
  };
}
