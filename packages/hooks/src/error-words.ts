/** What went wrong, in words for the person it happened to: what it means, and what can be done. */
import type { ApiError, ClientErrorCode } from '@sotto/client';
import { sizeLabel } from './size-label.ts';

/** Everything that the SDK and the server refuse with, and that the server is out of reach. */
export type ErrorCode = ClientErrorCode | ApiError['code'] | 'connection.failed';

/** Words by codes: whole sentences. */
export type ErrorWords = Readonly<Partial<Record<ErrorCode, string>>>;

/**
 * Words for an error, those of the application first: what a person can do is another thing in a page than in a terminal.
 * Undefined for what nobody can cause or mend, and for what has no code.
 */
export function errorWords(error: unknown, own: ErrorWords = {}): string | undefined {
  const code = codeOf(error);
  if (code === undefined) return undefined;
  if (code === 'rate.limited') return waitWords(error);
  if (code === 'file.quota') return quotaWords(error);
  if (code === 'file.daily-limit') return dailyWords(error);
  const words: Readonly<Partial<Record<string, string>>> = { ...WORDS, ...own };
  return words[code];
}

/** The stable code of an error, if it has one. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

const SESSION_ENDED = 'Your session has ended. Log in again; your messages are still here.';
const GROUP_BUSY = 'Others are changing the group right now. Try again.';
const GROUP_RULES = 'The group’s rules do not allow that.';
const KEYLESS = 'They have not finished setting up Sotto yet. Try again later.';

/** The SDK's own refusals. Those of a program's making, which no person can cause or mend, are not told apart. */
const CLIENT_WORDS = {
  'account.missing': 'Nobody is logged in here.',
  'account.logged-out': SESSION_ENDED,
  'account.compromised':
    'Somebody else has taken your account’s identity. Nothing is sent until you take it back or link this device again.',
  'client.silent':
    'The tab or program that has this account does not answer. It goes on once that wakes or ends.',
  'connection.replaced':
    'This device is connected from somewhere else. Only one copy of it may be.',
  'conversation.unknown': 'There is no such conversation.',
  'conversation.left': 'You are no longer in this group.',
  'group.broken':
    'What the server says about this group’s members cannot be true. Nothing is sent until you decide.',
  'group.refused': GROUP_RULES,
  'group.busy': GROUP_BUSY,
  'content.invalid': 'This cannot be sent as it is.',
  'content.too-large': 'This is too long for one message. Send it as a file.',
  'outbox.full': 'Too many messages wait to be sent. They go out once you are online.',
  'identity.changed': 'Their safety number has changed. Compare it before you go on.',
  'key-log.broken':
    'The server’s record of keys does not add up. Nothing is sent until you decide.',
  'key-log.unwitnessed': 'The server’s record of keys has not been confirmed yet. Try again later.',
  'list.incomplete': 'The server has not taken the change yet. Try again.',
  'link.code-invalid': 'That is not a code for linking a device.',
  'link.used': 'This code was used already. Show a new one on the other device.',
  'link.expired': 'The code has run out. Show a new one.',
  'link.refused': 'The answer to the code was not the right one. Show a new code.',
  'device.current': 'This is the device you are using. Do that from another one.',
  'device.unlisted':
    'The server shows a device of theirs that they have not signed. Nothing was sent to it.',
  'message.refused': 'The server refused this message. It is kept here.',
  'message.unknown': 'This message is not here any more.',
  'message.fixed': 'This message cannot be changed.',
  'message.no-file': 'There is no file in this message.',
  'file.size': 'The file is too large, or was changed while it was sent.',
  'file.damaged': 'The file arrived damaged. Ask for it to be sent again.',
  'store.key-wrong': 'That is not the right passphrase.',
  'backup.words-wrong': 'These are not the 24 words of this backup. Check each word and its place.',
  'backup.damaged': 'This file is not a whole Sotto backup.',
  'backup.unsupported': 'This backup was made by another version of Sotto.',
  'backup.unfinished': 'Restoring was interrupted. Choose the backup and begin again.',
} as const satisfies ErrorWords;

/** The server's refusals that a person can meet. */
const PROBLEM_WORDS = {
  'request.too-large': 'That is too large for the server.',
  'request.timeout': 'It took too long to send. Try again.',
  'rate.limited': 'That was too often. Wait a moment and try again.',
  'auth.token-invalid': SESSION_ENDED,
  'auth.token-expired': SESSION_ENDED,
  'auth.refresh-invalid': SESSION_ENDED,
  'auth.credentials-wrong': 'The username or the password is wrong.',
  'auth.recovery-wrong': 'The username or the recovery code is wrong.',
  'auth.fresh-needed': 'Enter your password again to do this.',
  'auth.session-unknown': 'That session has ended already.',
  'auth.invite-wrong': 'The invitation is not valid, or used up. Ask for a new one.',
  'auth.username-taken': 'This username is taken. Choose another one.',
  'auth.username-rule': 'A username has 3 to 50 letters and digits, without accents or spaces.',
  'auth.password-rule': 'This password is too easy to guess. Choose a longer one.',
  'auth.device-limit': 'Your account has as many devices as it may have. Remove one first.',
  'auth.device-unknown': 'This is no device of your account any more.',
  'auth.busy': 'The server is busy. Try again in a moment.',
  'auth.account-disabled': 'The operator of this server has locked this account.',
  'auth.registration-closed': 'This server takes no new accounts.',
  'conversation.not-found': 'There is no such conversation.',
  'conversation.member-unknown': 'One of these people is not on this server.',
  'conversation.version-conflict': GROUP_BUSY,
  'conversation.entry-refused': GROUP_RULES,
  'user.not-found': 'There is nobody by that name.',
  'user.directory-off': 'This server has no directory. Ask for the exact username.',
  'user.block-limit': 'You have blocked as many people as you can.',
  'key.identity-unknown': KEYLESS,
  'key.list-unknown': KEYLESS,
  'message.busy': 'The server is busy. It is sent as soon as possible.',
  'message.too-old': 'This message is too old to be sent.',
  'file.not-found': 'The file is no longer on the server.',
  'file.grant-limit': 'This file is shared in too many conversations. Send it anew.',
  'upload.expired': 'The upload took too long. Send the file again.',
  'service.unavailable': 'A part of the server does not answer. Try again in a moment.',
  internal: 'Something failed inside the server. Try again later.',
} as const satisfies ErrorWords;

const WORDS: ErrorWords = {
  ...PROBLEM_WORDS,
  ...CLIENT_WORDS,
  'connection.failed': 'The server cannot be reached. Check your connection.',
};

/** Seconds below this are said as they are. */
const SECONDS_SAID_MAX = 90;

/** What is full is this account's share, and perhaps only for this one file. */
function quotaWords(error: unknown): string {
  const left = optionOf(error, 'bytesLeft') ?? 0;
  return left === 0
    ? 'Your storage on this server is full. Its operator can give you more.'
    : `This file does not fit: ${sizeLabel(left)} are left to you on this server. Its operator can give you more.`;
}

function dailyWords(error: unknown): string {
  const left = optionOf(error, 'bytesLeft') ?? 0;
  return left === 0
    ? 'You have sent as much today as this server allows. Go on tomorrow.'
    : `You may send ${sizeLabel(left)} more today, and this file is larger. Go on tomorrow.`;
}

function waitWords(error: unknown): string {
  const seconds = optionOf(error, 'retryAfter');
  if (seconds === undefined) return PROBLEM_WORDS['rate.limited'];
  const wait =
    seconds < SECONDS_SAID_MAX ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
  return `That was too often. Try again in ${wait}.`;
}

/** What the server has told beside the code. */
function optionOf(error: unknown, name: 'bytesLeft' | 'retryAfter'): number | undefined {
  if (typeof error !== 'object' || error === null || !('options' in error)) return undefined;
  const { options } = error;
  if (typeof options !== 'object' || options === null) return undefined;
  const value: unknown = Reflect.get(options, name);
  return typeof value === 'number' ? value : undefined;
}
