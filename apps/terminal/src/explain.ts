/** What went wrong, in words for a person and as a code for a program. */
import { ApiError, ClientError, ConnectionError, CryptoError } from '@sotto/client';
import { CommandError, EXIT, type ExitCode, wrongCall } from './exit-code.ts';

type Explained = readonly [words: string, exitCode: ExitCode];

/** Of the SDK's codes those that people meet; the SDK's own words serve for the rest. */
const CLIENT: ReadonlyMap<string, Explained> = new Map([
  [
    'account.missing',
    ['nobody is logged in here: sotto register NAME, or sotto link', EXIT.refused],
  ],
  ['account.logged-out', ['the session has ended: sotto login NAME', EXIT.refused]],
  [
    'account.exists',
    ['this store belongs to another account: use another --data', EXIT.configuration],
  ],
  [
    'account.compromised',
    ['another device took this account over: link this one anew', EXIT.refused],
  ],
  [
    'identity.changed',
    ['their keys have changed: compare safety numbers first (verify)', EXIT.refused],
  ],
  [
    'key-log.broken',
    ['the key log shows different things to different people: ask the operator', EXIT.refused],
  ],
  [
    'device.unlisted',
    ['the platform names a device that its owner has not signed: nothing was sent', EXIT.refused],
  ],
  ['conversation.left', ['you are not in this group any more', EXIT.refused]],
  ['group.refused', ['only admins may do that, and a group needs one', EXIT.refused]],
  [
    'group.broken',
    ['what the platform shows of this group is not what was seen before', EXIT.refused],
  ],
  ['group.busy', ['others are changing this group: do it again', EXIT.unavailable]],
  ['content.too-large', ['this is too long for a message: send it as a file', EXIT.data]],
  ['content.invalid', ['this cannot be sent', EXIT.data]],
  ['file.size', ['this file is larger than the platform takes (100 MiB)', EXIT.data]],
  ['file.damaged', ['the file on the platform is not the one that was sent', EXIT.failed]],
  ['message.refused', ['the platform refused the message', EXIT.refused]],
  ['message.unknown', ['there is no such message here', EXIT.nobody]],
  ['message.fixed', ['that cannot be done to this message', EXIT.failed]],
  ['message.no-file', ['this message has no file', EXIT.nobody]],
  ['messages.taken', ['another sotto watch has the messages of this account', EXIT.unavailable]],
  ['outbox.full', ['too many messages wait to be sent here', EXIT.unavailable]],
  ['link.code-invalid', ['this is no code that a device shows to be linked', EXIT.usage]],
  ['link.used', ['this code was used before: let the device show another one', EXIT.refused]],
  ['link.expired', ['nobody has answered in time: begin again', EXIT.unavailable]],
  ['link.refused', ['what came is no answer to this code: begin again', EXIT.refused]],
  [
    'connection.replaced',
    ['another program runs from a copy of this store: end one of them', EXIT.refused],
  ],
  [
    'connection.refused',
    ['this program and the platform are of releases that do not fit', EXIT.configuration],
  ],
  ['store.key-wrong', ['the passphrase is not that of this store', EXIT.configuration]],
  [
    'store.sealed',
    ['the store is encrypted: give --passphrase or --passphrase-file', EXIT.configuration],
  ],
  ['store.plain', ['the store is not encrypted: leave the passphrase out', EXIT.configuration]],
  ['store.newer', ['a newer release wrote this store: update', EXIT.configuration]],
  ['store.invalid', ['the store is damaged, or is something else', EXIT.configuration]],
  ['store.locked', ['the store is in use by another program', EXIT.unavailable]],
]);

const PLATFORM: ReadonlyMap<string, Explained> = new Map([
  ['auth.credentials-wrong', ['the name or the password is wrong', EXIT.refused]],
  ['auth.recovery-wrong', ['the name or the recovery code is wrong', EXIT.refused]],
  ['auth.challenge-wrong', ['this device was logged out: sotto login NAME', EXIT.refused]],
  ['auth.fresh-needed', ['this needs the password again: sotto login NAME', EXIT.refused]],
  ['auth.username-taken', ['this name is taken', EXIT.refused]],
  ['auth.username-rule', ['a name has 3 to 50 letters and digits', EXIT.refused]],
  [
    'auth.password-rule',
    [
      'a password has 15 characters, or 8 with a small and a capital letter, a digit and a sign, and is not a common one',
      EXIT.refused,
    ],
  ],
  ['auth.registration-closed', ['nobody can register here', EXIT.refused]],
  [
    'auth.invite-wrong',
    ['this platform takes an invitation, and this is none: --invite CODE', EXIT.refused],
  ],
  ['auth.account-disabled', ['the operator has locked this account', EXIT.refused]],
  ['user.not-found', ['there is no such user', EXIT.nobody]],
  ['conversation.member-unknown', ['one of them is no user here', EXIT.nobody]],
  ['file.not-found', ['the platform does not have this file any more', EXIT.nobody]],
  ['file.quota', ['your storage on the platform is used up', EXIT.refused]],
]);

/** One line about any error, without a full stop. */
export function explain(error: unknown): string {
  return toCommandError(error).message;
}

/** Any error as the end of a command. */
export function toCommandError(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  const [words, exitCode] = explained(error);
  return new CommandError(words, exitCode, { cause: error });
}

function explained(error: unknown): Explained {
  if (error instanceof ConnectionError) {
    return ['the platform cannot be reached: try again later', EXIT.unavailable];
  }
  if (error instanceof ApiError) return PLATFORM.get(error.code) ?? refusal(error);
  if (error instanceof ClientError) return CLIENT.get(error.code) ?? [error.message, EXIT.failed];
  if (error instanceof CryptoError) return ['a key or a message is not sound', EXIT.refused];
  return otherwise(error);
}

function refusal({ status, message, options }: ApiError): Explained {
  const { retryAfter } = options;
  if (retryAfter !== undefined) return [`try again in ${retryAfter} seconds`, EXIT.unavailable];
  if (status >= 500 || status === 429) return [`${message}: try again later`, EXIT.unavailable];
  return [message, status === 401 || status === 403 ? EXIT.refused : EXIT.failed];
}

function otherwise(error: unknown): Explained {
  if (!(error instanceof Error)) return [String(error), EXIT.bug];
  const code = 'code' in error ? String(error.code) : '';
  if (code.startsWith('ERR_PARSE_ARGS')) {
    const { message, exitCode } = wrongCall(error.message.replace(/\. .*/su, ''));
    return [message, exitCode];
  }
  if (['ENOSPC', 'EROFS', 'EACCES', 'EPERM', 'ENOTDIR', 'EISDIR'].includes(code)) {
    return [`${error.message.replace(/^[A-Z]+: /u, '')} (${code})`, EXIT.output];
  }
  return [`${error.message} (this is a bug)`, EXIT.bug];
}
