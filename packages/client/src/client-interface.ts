/** What an application gives a client, and may ask of it. */
import type {
  Answer,
  ConversationId,
  DeviceId,
  exportAccount,
  MessageId,
  Session,
  SessionId,
  UserId,
} from '@sotto/api';
import type { Provider, SafetyNumber } from '@sotto/crypto';
import type { Credentials, Me, NewAccount, Recovery, Registered } from './account/account.ts';
import type { OwnDevice } from './account/devices.ts';
import type { CompleteLinkOptions } from './account/link-answer.ts';
import type { Link } from './account/link-offer.ts';
import type { ContentDoor } from './client-content.ts';
import type { GroupsDoor } from './client-groups.ts';
import type { ClientEvent, ClientEvents, Listener } from './events.ts';
import type { FileInput } from './files/file-input.ts';
import type { OpenedFile, OpenFileOptions, SendFileOptions } from './files/files.ts';
import type { ConversationRecord } from './messages/conversation-record.ts';
import type { HistoryRange } from './messages/conversations.ts';
import type { HistoryItem, Message, Place } from './messages/history-item.ts';
import type { HeadingOptions } from './messages/message-heading.ts';
import type { MessageReference } from './messages/message-reference.ts';
import type { UnsentMessage } from './messages/sent-message.ts';
import type { PeopleDoor } from './people/people-door.ts';
import type { ClientState } from './state/state.ts';
import type { Store } from './store/store.ts';

export interface ClientOptions {
  /** Origin of the platform, such as `https://chat.example.org`, with its scheme. */
  readonly url: string;
  /** Where this device keeps its keys and messages. It is the client's from now on, which closes it. */
  readonly store: Store;
  /** Cryptographic primitives. In Node give `nodeProvider` of `@sotto/crypto/node`: it is ten times faster. */
  readonly provider?: Provider;
  /** Ed25519 keys of key log witnesses that you trust: what they have not all signed is not believed. */
  readonly witnesses?: readonly Uint8Array[];
  readonly fetch?: typeof globalThis.fetch;
  readonly WebSocket?: typeof globalThis.WebSocket;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
  /**
   * False to open sessions whose tokens are good for whoever holds them. By default a session is bound to the device
   * key, which signs what changes keys, devices and the account; a device that has shown its key goes on doing so.
   */
  readonly proofs?: boolean;
}

/** The account and its sessions. */
export interface AccountDoor {
  /** Who this store belongs to, or undefined before the first log-in. */
  me(): Promise<Me | undefined>;
  /**
   * Makes an account with this store as its first device. The recovery code is shown this once: it is for its owner to
   * write down. After a lost answer, registering again from the same store goes on.
   */
  register(account: NewAccount): Promise<Registered>;
  /**
   * Logs in on the device of this store, or as a new device when the store is empty, or holds one that was taken off or
   * has lost its key; contacts and messages stay then. A new device is to be linked (`beginLink`) or restored from a
   * backup: one that connects without that gives the account a new identity, which ends the place of its other devices. Without credentials by the device key, which takes a store that
   * has logged in before, and whose session nobody has ended from elsewhere since.
   */
  login(credentials?: Credentials): Promise<Me>;
  /**
   * Sets a new password with the recovery code, which is replaced, and logs in. All other sessions end, and their
   * devices come back by the new password only.
   */
  recover(recovery: Recovery): Promise<Registered>;
  /** Disconnects and ends the session. Keys and messages stay in the store. */
  logout(): Promise<void>;
  /** The same for all sessions of the account. Its other devices come back by a password only. */
  logoutEverywhere(): Promise<void>;
  /** The account's sessions, the newest first. */
  sessions(): Promise<Session[]>;
  /** Ends one session. Another device comes back by a password only; to keep it out, take it off with `unlink`. */
  endSession(session: SessionId): Promise<void>;
  /** Changes the password; all other sessions end, and come back by the new one only. After a lost answer either password may be the right one. */
  changePassword(change: { currentPassword: string; newPassword: string }): Promise<void>;
  /** Another recovery code, to be shown once; the old one stops working. */
  renewRecoveryCode(password: string): Promise<string>;
  /** Deletes the account, for ever. What is in the store stays for the application to remove. */
  deleteAccount(password: string): Promise<void>;
  /** Everything that the platform holds about the account. */
  exportData(): Promise<Answer<typeof exportAccount>>;
}

/** The account's devices and the identity that they share. */
export interface DeviceDoor {
  /** The account's devices, under the names that they were given. */
  devices(): Promise<OwnDevice[]>;
  /** Names a device; the platform learns neither the name nor its length. At most 127 bytes of UTF-8. */
  renameDevice(device: DeviceId, name: string): Promise<void>;
  /**
   * For a new device with an empty store, or one of the account whose identity was replaced: shows a code for another
   * device of the account to complete. Beginning again after a crash goes on.
   */
  beginLink(): Promise<Link>;
  /**
   * Links the device that shows this code to the account. Resolves once messages are encrypted for it. With `history` it
   * gets what was said in the last 30 days, too. Called again meanwhile, it goes on as it was begun.
   */
  completeLink(code: string, options?: CompleteLinkOptions): Promise<{ device: DeviceId }>;
  /** Takes a device off the account for good: its sessions end, and nothing is encrypted for it any more. */
  unlink(device: DeviceId): Promise<void>;
  /**
   * The same for a device that somebody else may have: what it knew of the account must not help them. The account gets
   * another identity, which contacts are warned of, and its other devices are to be linked anew. When this fails the
   * client stays disconnected: doing it again goes on, and so does connecting once the other identity was made. Rejects
   * with `auth.fresh-needed` when it takes the password: `login` with it and do this again; and with
   * `account.compromised` when the account has got another identity meanwhile, which doing it again replaces.
   */
  reportLost(device: DeviceId): Promise<void>;
  /**
   * Gives the account another identity, as `reportLost` does: for a device that was told `account-compromised`, to take
   * the account back. That takes the password, within the last five minutes: see there. Change it too.
   */
  renewIdentity(): Promise<void>;
}

/** A message that was just written. */
export interface Sent {
  readonly id: MessageId;
  readonly conversation: ConversationId;
  readonly reference: MessageReference;
}

/** Conversations and what is said in them. */
export interface TalkDoor {
  /**
   * Messages as they arrive: texts and files, and what is said about them (reactions, edits, deletions, timers); what a newer
   * one has replaced before the loop came to it is passed over. Each comes at least once over any crash, counted as taken
   * when the loop comes round. Throws `account.logged-out` when the session has ended and everything that had arrived was
   * given.
   */
  messages(): AsyncGenerator<Message, void>;
  /** A conversation as this store has it, oldest first. */
  history(conversation: ConversationId, range?: HistoryRange): Promise<HistoryItem[]>;
  conversations(): Promise<ConversationRecord[]>;
  /** A user by exact name, without case. A name that is seconds old may not be known yet. */
  findUser(username: string): Promise<{ user: UserId; username: string } | undefined>;
  /** The conversation with one other user; the same one each time. */
  openDirect(user: UserId): Promise<ConversationRecord>;
  /**
   * Resolves once the message is in the store. It is sent as soon as there is a connection, in order, once; not before
   * the next log-in when the session has ended, and not before this device is the account's again when another one has
   * taken its place (`account-compromised`): `whenStored` tells. Rejects with `conversation.unknown` for what is no id,
   * and `message.unknown` for an answer to a message of another conversation.
   */
  sendText(conversation: ConversationId, text: string, options?: HeadingOptions): Promise<Sent>;
  /**
   * Encrypts and uploads a file, then sends its reference like a text. Rides out what a platform needs to come back, and
   * rejects with `connection.failed` after that. What was longer than 5 MiB is gone on with when the same file is sent
   * again, over a crash too: the same conversation, name, type, size and `lastModified`, and data that is no stream.
   * Rejects with `file.size`, `content.invalid`, and the reason of the signal.
   */
  sendFile(conversation: ConversationId, file: FileInput, options?: SendFileOptions): Promise<Sent>;
  /**
   * Opens the file of a message, to be read from its beginning or anywhere. Rejects with `message.no-file`, with
   * `file.not-found` when the platform does not show it to this account, and with `file.damaged` when it has other bytes
   * than were sent; nothing of those is ever given out.
   */
  openFile(message: Message, options?: OpenFileOptions): Promise<OpenedFile>;
  /** Messages of a conversation that wait to be acknowledged by the platform, oldest first. */
  unsent(conversation: ConversationId): Promise<UnsentMessage[]>;
  /**
   * Resolves when a message of this device is on the platform's disk. Rejects with `message.refused`, and with
   * `account.compromised` or `account.logged-out` when it is not sent before a person has done something about it: it
   * stays in the outbox meanwhile, and may be asked for again.
   */
  whenStored(id: MessageId): Promise<Place>;
}

/** Whom to believe. */
export interface TrustDoor {
  /** Goes on with a contact whose identity key has changed, after the safety numbers were compared. */
  acceptIdentity(user: UserId): Promise<void>;
  /**
   * Goes on after `key-log-broken` concerned the whole log: forgets what was seen of it, and takes it as it is now. For
   * when the platform's operator has told, by another way, why the log is another one.
   */
  acceptKeyLog(): Promise<void>;
  /** What two people compare to know that nobody sits between them; after a change, that of the new identity. */
  safetyNumber(user: UserId): Promise<SafetyNumber>;
}

/** One device of one account. After `close` every method rejects with `client.closed` or `store.closed`. */
export interface Client extends AccountDoor, DeviceDoor, TalkDoor, ContentDoor, TrustDoor {
  /** Who is in groups, and what they are called. */
  readonly groups: GroupsDoor;
  readonly people: PeopleDoor;
  /**
   * Publishes this device's keys and connects; resolves once the platform has answered. From then on the client
   * connects again by itself, and sends and receives. Rejects only when trying again is of no use, and when a change
   * of the identity was cut off and cannot be ended yet: with `account.compromised` when another identity stands in the
   * place of this device's, and with `auth.fresh-needed` when a device that was not linked makes itself the account's
   * and it takes the password: `login` with it and connect again.
   */
  connect(): Promise<void>;
  /** Ends everything and closes the store. Nothing unsent or unseen is lost. */
  close(): Promise<void>;
  /** Calls `listener` at each event of a name; gives back the function that ends that. */
  on<E extends ClientEvent>(name: E, listener: Listener<E>): () => void;
  /**
   * The events of a name as a loop, from its first turn on; it ends when `signal` is aborted or the client is closed. Throws
   * `events.missed` when a thousand waited for it and more came. For messages that must not be missed use `messages()`.
   */
  each<E extends ClientEvent>(
    name: E,
    options?: { readonly signal?: AbortSignal },
  ): AsyncGenerator<ClientEvents[E], void>;
  /** What a user interface shows, as observables. */
  readonly state: ClientState;
}
