/** The log of a platform that a person started: in a file, so that the terminal stays calm. */
import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { makeDirectory } from './directories.ts';

/** Where a logger writes lines. */
export interface LogFile {
  /** Never throws: a full disk must not end what is logged about. */
  write(line: string): void;
}

/** Two files of this size are kept, the current one and the one before. */
const LOG_BYTES_MAX = 10 * 1024 * 1024;

/** Bugs and faults that somebody must act on are shown at once as well. */
const SHOWN = '"level":"error"';

/**
 * Appends lines to a file; those of level error go to `show` too. A line that cannot be written is dropped, and the
 * first one that can be again comes after one that says how many were. Throws when the file cannot be opened.
 */
export function openLogFile(path: string, show: (line: string) => void): LogFile {
  const file = openAppending(path);
  let dropped = 0;
  return {
    write(line) {
      try {
        file.append(dropped === 0 ? line : droppedLine(dropped) + line);
        dropped = 0;
      } catch {
        dropped += 1;
      }
      if (line.includes(SHOWN)) show(line);
    },
  };
}

/** A file that grows by whole texts, and begins anew when it is long. */
function openAppending(path: string): { append(text: string): void } {
  makeDirectory(dirname(path), 0o700);
  let file = openSync(path, 'a', 0o600);
  let size = fstatSync(file).size;
  const rotate = (): void => {
    // It is not there when an earlier attempt came no further than this.
    if (existsSync(path)) renameSync(path, `${path}.1`);
    const next = openSync(path, 'a', 0o600);
    closeSync(file);
    file = next;
    size = 0;
  };
  return {
    append(text) {
      if (size > LOG_BYTES_MAX) rotate();
      const bytes = Buffer.from(text);
      const written = writeSync(file, bytes);
      if (written < bytes.length) {
        // The disk is full after half a line, to which the next one would be joined.
        ftruncateSync(file, size);
        throw new Error('the disk is full');
      }
      size += written;
    },
  };
}

function droppedLine(count: number): string {
  const line = { level: 'warn', time: new Date().toISOString(), service: 'log', count };
  return `${JSON.stringify({ ...line, event: 'lines could not be written' })}\n`;
}
