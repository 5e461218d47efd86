/** What went wrong, in words for a person and as a code for a program. */
import { ApiError, ClientError, ConnectionError, CryptoError } from '@sotto/client';
import { type ErrorCode, type ErrorWords, errorWords } from '@sotto/hooks';
import { CommandError, EXIT, type ExitCode } from './exit-code.ts';

/** What is to be done about it in a terminal, where that is another thing than in a page. */
const WORDS: ErrorWords = {
  'account.missing': 'Nobody is logged in here: sotto register NAME, or sotto link.',
  'account.logged-out': 'Your session has ended: sotto login NAME, or /login in the chat.',
  'account.exists': 'This store belongs to another account: use another --data.',
  'account.compromised':
    'Somebody else has made keys for your account, and nothing is sent: /reclaim, or /link, in the chat.',
  'identity.changed': 'Their keys have changed: compare safety numbers first (verify).',
  'key-log.broken':
    'The server’s record of keys is not the one that was seen before: ask its operator.',
  'group.refused': 'Only admins may do that, and a group has 200 people at most.',
  'device.current': 'This is the device that you sit at: do that on another one.',
  'client.silent': 'The program that has this account was stopped: let it go on (fg), or end it.',
  'messages.taken': 'Another sotto watch has the messages of this account.',
  'connection.replaced': 'Another program runs from a copy of this store: end one of them.',
  'connection.refused': 'This program and the server are of releases that do not fit.',
  'store.locked': 'The store is in use by another program.',
  'store.invalid': 'The store is damaged, or is something else.',
  'store.newer': 'A newer release wrote this store: update.',
  'store.key-wrong': 'The passphrase is not that of this store.',
  'store.sealed': 'The store is encrypted: give --passphrase or --passphrase-file.',
  'store.plain': 'The store is not encrypted: leave the passphrase out.',
  'auth.challenge-wrong': 'This device was logged out: sotto login NAME, or /login in the chat.',
  'auth.invite-wrong': 'This server takes an invitation, and this is none: --invite CODE.',
  'auth.password-rule':
    'A password has 15 characters, or 8 with a small and a capital letter, a digit and a sign, and is not a common one.',
  'connection.failed': 'The server cannot be reached: try again later.',
};

/** How a command ends by them; what is not here has failed for good. */
const EXITS: Readonly<Partial<Record<ErrorCode, ExitCode>>> = {
  ...codes(EXIT.data, ['content.too-large', 'content.invalid', 'file.size', 'request.too-large']),
  ...codes(EXIT.nobody, ['conversation.unknown', 'conversation.not-found', 'message.unknown']),
  ...codes(EXIT.nobody, ['message.no-file', 'user.not-found', 'conversation.member-unknown']),
  ...codes(EXIT.nobody, ['file.not-found']),
  ...codes(EXIT.unavailable, ['group.busy', 'conversation.version-conflict', 'list.incomplete']),
  ...codes(EXIT.unavailable, ['messages.taken', 'outbox.full', 'link.expired', 'store.locked']),
  ...codes(EXIT.unavailable, ['key-log.unwitnessed', 'connection.failed', 'client.silent']),
  ...codes(EXIT.usage, ['link.code-invalid']),
  ...codes(EXIT.refused, ['account.missing', 'account.logged-out', 'account.compromised']),
  ...codes(EXIT.refused, ['identity.changed', 'key-log.broken', 'device.unlisted']),
  ...codes(EXIT.refused, ['conversation.left', 'group.refused', 'group.broken', 'file.quota']),
  ...codes(EXIT.refused, ['message.refused', 'link.used', 'link.refused', 'connection.replaced']),
  ...codes(EXIT.refused, ['auth.username-taken', 'auth.username-rule', 'auth.password-rule']),
  ...codes(EXIT.configuration, ['account.exists', 'connection.refused', 'store.key-wrong']),
  ...codes(EXIT.configuration, ['store.sealed', 'store.plain', 'store.newer', 'store.invalid']),
};

/** One line about any error, without a full stop. */
export function explain(error: unknown): string {
  return toCommandError(error).message;
}

/** Any error as the end of a command. */
export function toCommandError(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  return new CommandError(wordsOf(error), exitCodeOf(error), { cause: error });
}

function codes(exitCode: ExitCode, listed: readonly ErrorCode[]): Record<string, ExitCode> {
  return Object.fromEntries(listed.map((code) => [code, exitCode]));
}

function wordsOf(error: unknown): string {
  const words = errorWords(error, WORDS);
  if (words !== undefined) return asLine(words);
  if (error instanceof CryptoError) return 'a key or a message is not sound';
  if (error instanceof ApiError || error instanceof ClientError) return error.message;
  if (!(error instanceof Error)) return String(error);
  if (isOfArguments(error)) return error.message.replace(/\. .*/su, '');
  if (isOfDisk(error)) return `${error.message.replace(/^[A-Z]+: /u, '')} (${systemCode(error)})`;
  return `${error.message} (this is a bug)`;
}

/** As programs say it behind their names: what follows on a sentence stands behind a colon. */
function asLine(words: string): string {
  const small = (letter: string) => letter.toLowerCase();
  return words
    .replace(/\.$/u, '')
    .replace(/\. (\p{Lu})/gu, (_, letter: string) => `: ${small(letter)}`)
    .replace(/^\p{Lu}/u, small);
}

function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof ConnectionError) return EXIT.unavailable;
  if (error instanceof ApiError) return EXITS[error.code] ?? exitCodeOfStatus(error);
  if (error instanceof ClientError) return EXITS[error.code] ?? EXIT.failed;
  if (error instanceof CryptoError) return EXIT.refused;
  if (!(error instanceof Error)) return EXIT.bug;
  if (isOfArguments(error)) return EXIT.usage;
  return isOfDisk(error) ? EXIT.output : EXIT.bug;
}

function exitCodeOfStatus({ status, options }: ApiError): ExitCode {
  if (options.retryAfter !== undefined || status >= 500 || status === 429) return EXIT.unavailable;
  return status === 401 || status === 403 ? EXIT.refused : EXIT.failed;
}

/** Of options that nothing knows. */
function isOfArguments(error: Error): boolean {
  return systemCode(error).startsWith('ERR_PARSE_ARGS');
}

const DISK_CODES: ReadonlySet<string> = new Set([
  ...['ENOSPC', 'EROFS', 'EACCES', 'EPERM', 'ENOTDIR', 'EISDIR'],
]);

function isOfDisk(error: Error): boolean {
  return DISK_CODES.has(systemCode(error));
}

function systemCode(error: Error): string {
  return 'code' in error ? String(error.code) : '';
}
