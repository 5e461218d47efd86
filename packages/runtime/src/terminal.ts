/** What the operator's commands say, and how they end. */

/** Where a command writes, and whom it asks. */
export interface Terminal {
  /** A line of the result. */
  out(line: string): void;
  /** A line about the result, kept apart from it so that results can be piped. */
  note(line: string): void;
  /** Asks for a secret without showing it; undefined when nobody sits there. */
  askSecret?: (question: string) => Promise<string>;
}

/** Of sysexits.h: how a command was called, what was not there, what did not answer. */
export const EXIT_USAGE = 64;
export const EXIT_FAILED = 1;
export const EXIT_UNAVAILABLE = 69;
/** EX_CONFIG of sysexits.h: trying again without a change is useless. */
export const EXIT_CONFIG = 78;

/** Ends a command with one line for the operator. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = EXIT_FAILED) {
    super(message);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}

/** A wrong call; the line says what would be right. */
export function wrongCall(message: string): CommandError {
  return new CommandError(message, EXIT_USAGE);
}

/** Text that came from outside, without what a terminal would obey. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{fffd}');
}

/** Rows under headings, in columns as wide as their widest cell. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const cells = [headings, ...rows.map((row) => row.map(printable))];
  const widths = headings.map((_, column) => {
    return Math.max(...cells.map((row) => (row[column] ?? '').length));
  });
  return cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** A moment, or nothing, for a table. */
export function timeText(moment: Date | null): string {
  return moment === null ? '' : moment.toISOString().replace(/\.\d+Z$/, 'Z');
}
