/**
 * What can go wrong, in four kinds that an application tells apart by class and then by `code`:
 * the platform refused (`ApiError`), it was out of reach (`ConnectionError`), a key or ciphertext is not
 * sound (`CryptoError`), or the SDK cannot do what was asked (`ClientError`).
 */
import { ApiError, type ProblemCode } from '@sotto/api';

/** Everything that the SDK itself refuses. Codes are only ever added. */
export type ClientErrorCode =
  /** The store holds another account already: use a store per account. */
  | 'account.exists'
  /** Nobody has registered or logged in with this store. */
  | 'account.missing'
  /** The session has ended for good: log in again. */
  | 'account.logged-out'
  /** The client was closed. */
  | 'client.closed'
  /**
   * The tab, worker or process that runs the client for this one was stopped, and has not ended: it answers nothing. What
   * it had begun, it may still do when it goes on.
   */
  | 'client.silent'
  /** Another client has connected as this device, from a copy of its store: only one may. */
  | 'connection.replaced'
  /** The platform does not understand what this client sends: one of the two is of another release. */
  | 'connection.refused'
  /** A second loop over `messages()` while the first one runs. */
  | 'messages.taken'
  /** The loop over events was too slow for what came: some were not given. */
  | 'events.missed'
  /** What was given is no conversation's id. */
  | 'conversation.unknown'
  /** This account has left the group, or was removed from it. */
  | 'conversation.left'
  /** What the platform shows of the group's members is not what was seen before. Nothing is sent until someone decides. */
  | 'group.broken'
  /** The group's rules do not let this account do that: it is no admin, nobody would be left as one, or there are too many members. */
  | 'group.refused'
  /** Others change the group all the time, so it seems: do it again. */
  | 'group.busy'
  /** The content is not what its type promises. */
  | 'content.invalid'
  /** The content does not fit into one message: send it as a file. */
  | 'content.too-large'
  /** The conversation has as many unsent messages as the outbox keeps. */
  | 'outbox.full'
  /** A contact's identity key is not the one seen before. Compare safety numbers, then `acceptIdentity`. */
  | 'identity.changed'
  /** The key log has an identity of this account that was not made here. Nothing is sent until that is settled. */
  | 'account.compromised'
  /** The key log is not what it was before, or stands against a contact. Nothing is sent until someone decides. */
  | 'key-log.broken'
  /** The platform does not go by the account's new device list yet: do it again. */
  | 'list.incomplete'
  /** The text is no code that a device shows to be linked. */
  | 'link.code-invalid'
  /** The code was answered before, here or by somebody else: let the device show another one. */
  | 'link.used'
  /** Nobody has answered the code, or the device that showed it has not come, in time. */
  | 'link.expired'
  /** What came is not an answer to the code that this device shows. */
  | 'link.refused'
  /** It is this device. What it has lost is to be said from another one. */
  | 'device.current'
  /** A witness that the application asks for has not signed the key log's head. Passes when it does. */
  | 'key-log.unwitnessed'
  /** The platform has refused the message for good. Its content is kept in the store. */
  | 'message.refused'
  /** There is no such message in this store, or not in that conversation. */
  | 'message.unknown'
  /** That cannot be done to the message: it is somebody else's, holds no text, was refused or taken back. */
  | 'message.fixed'
  /** The message holds no file. */
  | 'message.no-file'
  /** The file is larger than the platform takes, or not of the size that was said. */
  | 'file.size'
  /** The file that came, or that the platform has stored, is not the file that was sent. */
  | 'file.damaged'
  /** Another process, tab or client holds the store, or has taken it over. */
  | 'store.locked'
  /** The store was closed, or a transaction was used after its end. */
  | 'store.closed'
  /** The store is not one of ours, or is damaged. */
  | 'store.invalid'
  /** The store was written by a newer release. Nothing of it was changed. */
  | 'store.newer'
  /** The store is encrypted: open it with its passphrase or key. */
  | 'store.sealed'
  /** The store was made without encryption, which nothing can add later: what was written in the clear stays on the disk. */
  | 'store.plain'
  /** The passphrase or the key is not the store's. */
  | 'store.key-wrong'
  /** This browser gives the page no IndexedDB or no Web Locks: they take HTTPS or localhost. */
  | 'store.unsupported'
  /** These are not the 24 words of a recovery key, or not those of this backup. */
  | 'backup.words-wrong'
  /** The backup is cut off or was changed, or is something else. */
  | 'backup.damaged'
  /** The backup was made by another release, in a way that this one does not read. */
  | 'backup.unsupported'
  /** A backup goes into a store that no account has used. */
  | 'backup.store-used'
  /** Restoring a backup into this store was cut off: restore it again. */
  | 'backup.unfinished'
  /** The platform has handed out a device that its account's device list does not name. Nothing was sent to it. */
  | 'device.unlisted'
  /** The platform names a sender who cannot have sent the message. Only ever the cause of an unreadable one. */
  | 'sender.invalid'
  /** The platform answered something that the contract does not know. */
  | 'answer.invalid';

/** Thrown by the SDK on its own account. Switch over `code`. */
export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly code: ClientErrorCode;

  constructor(code: ClientErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The platform could not be reached, or the connection broke. Nothing is lost: try again. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  readonly code = 'connection.failed';
}

/** Whether the platform refused with one of these codes. */
export function isProblem(error: unknown, ...codes: readonly ProblemCode[]): error is ApiError {
  return error instanceof ApiError && codes.includes(error.code);
}
