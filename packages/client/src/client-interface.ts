/** What an application may ask of a client. */
import type { Answer, DeviceId, exportAccount, Session, SessionId, UserId } from '@sotto/api';
import type { SafetyNumber } from '@sotto/crypto';
import type { Credentials, Me, NewAccount, Registered } from './account/account.ts';
import type { OwnDevice } from './account/devices.ts';
import type { CompleteLinkOptions } from './account/link-answer.ts';
import type { Link } from './account/link-offer.ts';
import type { Recovery } from './account/recovered-account.ts';
import type { BackupDoor } from './client-backup.ts';
import type { ContentDoor } from './client-content.ts';
import type { GroupsDoor } from './client-groups.ts';
import type { PushDoor } from './client-push.ts';
import type { TalkDoor } from './client-talk.ts';
import type { Abortable } from './connection/heeding.ts';
import type { ClientEvent, ClientEvents, Listener } from './events.ts';
import type { PeopleDoor } from './people/people-door.ts';
import type { ClientState } from './state/state.ts';
import type { Alarms } from './trust/alarms.ts';
import type { Notice } from './trust/notices.ts';

/** The account and its sessions. */
export interface AccountDoor {
  /** Who this store belongs to, or undefined before the first log-in. */
  me(): Promise<Me | undefined>;
  /**
   * Makes an account with this store as its first device. The recovery code is shown this once: it is for its owner to
   * write down. After a lost answer, registering again from the same store goes on.
   */
  register(account: NewAccount, options?: Abortable): Promise<Registered>;
  /**
   * Logs in on the device of this store, or as a new device when the store is empty, or holds one that was taken off or
   * has lost its key; contacts and messages stay then. A new device is to be linked (`beginLink`) or restored from a
   * backup: one that connects without that gives the account a new identity, which ends the place of its other devices. Without credentials by the device key, which takes a store that
   * has logged in before, and whose session nobody has ended from elsewhere since.
   */
  login(credentials?: Credentials, options?: Abortable): Promise<Me>;
  /**
   * Sets a new password with the recovery code, which is replaced, and logs in. All other sessions end, and their
   * devices come back by the new password only.
   */
  recover(recovery: Recovery, options?: Abortable): Promise<Registered>;
  /** Disconnects and ends the session. Keys and messages stay in the store. */
  logout(options?: Abortable): Promise<void>;
  /** The same for all sessions of the account. Its other devices come back by a password only. */
  logoutEverywhere(options?: Abortable): Promise<void>;
  /** The account's sessions, the newest first. */
  sessions(options?: Abortable): Promise<Session[]>;
  /** Ends one session. Another device comes back by a password only; to keep it out, take it off with `unlink`. */
  endSession(session: SessionId, options?: Abortable): Promise<void>;
  /** Changes the password; all other sessions end, and come back by the new one only. After a lost answer either password may be the right one. */
  changePassword(
    change: { currentPassword: string; newPassword: string },
    options?: Abortable,
  ): Promise<void>;
  /** Another recovery code, to be shown once; the old one stops working. */
  renewRecoveryCode(password: string, options?: Abortable): Promise<string>;
  /** Deletes the account, for ever. What is in the store stays for the application to remove. */
  deleteAccount(password: string, options?: Abortable): Promise<void>;
  /** Everything that the platform holds about the account. */
  exportData(options?: Abortable): Promise<Answer<typeof exportAccount>>;
}

/** The account's devices and the identity that they share. */
export interface DeviceDoor {
  /** The account's devices, under the names that they were given. */
  devices(options?: Abortable): Promise<OwnDevice[]>;
  /** Names a device; the platform learns neither the name nor its length. At most 127 bytes of UTF-8. */
  renameDevice(device: DeviceId, name: string, options?: Abortable): Promise<void>;
  /**
   * For a new device with an empty store, or one of the account whose identity was replaced: shows a code for another
   * device of the account to complete. Beginning again goes on, after a crash and after the signal, which ends the
   * waiting.
   */
  beginLink(options?: Abortable): Promise<Link>;
  /**
   * Links the device that shows this code to the account. Resolves once messages are encrypted for it. It gets the
   * identities of 1 800 contacts, those with a conversation first, and meets any others anew. With `history` it
   * gets what was said in the last 30 days, too. Called again meanwhile, it goes on as it was begun; so it does by itself
   * when the signal is aborted: the device may come, and `unlink` takes it off.
   */
  completeLink(code: string, options?: CompleteLinkOptions): Promise<{ device: DeviceId }>;
  /** Takes a device off the account for good: its sessions end, and nothing is encrypted for it any more. */
  unlink(device: DeviceId, options?: Abortable): Promise<void>;
  /**
   * The same for a device that somebody else may have: what it knew of the account must not help them. The account gets
   * another identity, which contacts are warned of, and its other devices are to be linked anew. When this fails the
   * client stays disconnected: doing it again goes on, and so does connecting once the other identity was made. Rejects
   * with `auth.fresh-needed` when it takes the password: `login` with it and do this again; and with
   * `account.compromised` when the account has got another identity meanwhile, which doing it again replaces. With
   * `connection.failed` through another tab, worker or process when that has ended meanwhile: see by `devices` what was done.
   */
  reportLost(device: DeviceId, options?: Abortable): Promise<void>;
  /**
   * Gives the account another identity, as `reportLost` does: for a device that was told `account-compromised`, to take
   * the account back. That takes the password, within the last five minutes: see there. Change it too.
   */
  renewIdentity(options?: Abortable): Promise<void>;
}

/** Whom to believe. */
export interface TrustDoor {
  /** What waits for a person to decide, also from before this start: the events tell each of them once, or at each start. */
  alarms(): Promise<Alarms>;
  /** Puts a notice of `alarms` away, which a person has seen; a newer one of its kind stays. */
  dismissNotice(notice: Notice): Promise<void>;
  /**
   * Goes on with a contact whose identity key has changed, after the safety numbers were compared. `shown` are the digits
   * that `safetyNumber` gave and a person has seen: it rejects with `identity.changed` when that number is not the one of
   * the identity that waits, since the contact's identity may change again while somebody compares.
   */
  acceptIdentity(user: UserId, shown?: SafetyNumber['digits']): Promise<void>;
  /**
   * Goes on after `key-log-broken` concerned the whole log: forgets what was seen of it, and takes it as it is now. For
   * when the platform's operator has told, by another way, why the log is another one.
   */
  acceptKeyLog(): Promise<void>;
  /** What two people compare to know that nobody sits between them; after a change, that of the new identity. */
  safetyNumber(user: UserId, options?: Abortable): Promise<SafetyNumber>;
}

/**
 * One device of one account. After `close` methods reject with `client.closed` or `store.closed`, and loops end; `close`, `on`
 * and `typing` may still be called. What waits for people or for the platform takes a signal, and rejects with its reason as
 * soon as that is aborted.
 */
export interface Client
  extends AccountDoor,
    DeviceDoor,
    TalkDoor,
    ContentDoor,
    TrustDoor,
    BackupDoor,
    PushDoor {
  /** Who is in groups, and what they are called. */
  readonly groups: GroupsDoor;
  readonly people: PeopleDoor;
  /**
   * Publishes this device's keys and connects; resolves once the platform has answered. From then on the client
   * connects again by itself, and sends and receives; asked again while it waits to do so, it tries at once. Rejects only when trying again is of no use, and when a change
   * of the identity was cut off and cannot be ended yet: with `account.compromised` when another identity stands in the
   * place of this device's, and with `auth.fresh-needed` when a device that was not linked makes itself the account's
   * and it takes the password: `login` with it and connect again. The signal ends the waiting alone: `close` ends the rest.
   */
  connect(options?: Abortable): Promise<void>;
  /** Ends everything and closes the store. Nothing unsent or unseen is lost. */
  close(): Promise<void>;
  /** Calls `listener` at each event of a name; gives back the function that ends that. */
  on<E extends ClientEvent>(name: E, listener: Listener<E>): () => void;
  /**
   * The events of a name as a loop, from its first turn on; it ends when `signal` is aborted or the client is closed. Throws
   * `events.missed` when a thousand waited for it and more came. For messages that must not be missed use `messages()`.
   */
  each<E extends ClientEvent>(name: E, options?: Abortable): AsyncGenerator<ClientEvents[E], void>;
  /** What a user interface shows, as observables. */
  readonly state: ClientState;
}
