/** How a command ends: one line for people, and a code for programs, as sysexits.h names them. */

/** Codes of all commands. Only ever added to: scripts go by them. */
export const EXIT = {
  done: 0,
  /** Something was refused that trying again or logging in does not change. */
  failed: 1,
  /** EX_USAGE: the command was called in a way that it does not know. */
  usage: 64,
  /** EX_DATAERR: what was to be sent cannot be sent by anybody. */
  data: 65,
  /** EX_NOINPUT: a file that was to be sent is not there. */
  input: 66,
  /** EX_NOUSER: there is no such user, group or message. */
  nobody: 67,
  /** EX_UNAVAILABLE: the platform is out of reach, or the store is in use. Try again later. */
  unavailable: 69,
  /** EX_SOFTWARE: a bug. */
  bug: 70,
  /** EX_CANTCREAT: a file cannot be written. */
  output: 73,
  /** EX_NOPERM: nobody is logged in, or the platform or the protocol refuses this. */
  refused: 77,
  /** EX_CONFIG: the store, its passphrase or an address is not right. */
  configuration: 78,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends a command with one line. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** A wrong call; the line says what would be right. */
export function wrongCall(message: string): CommandError {
  return new CommandError(message, EXIT.usage);
}
