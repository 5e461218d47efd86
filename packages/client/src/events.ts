/** What a client tells while it runs: one closed table of events, heard by plain functions. */
import type { ConversationId, MessageId, ProblemCode, UserId } from '@sotto/api';
import type { Message, UnreadableMessage } from './messages/history-item.ts';

/** Name of each event and what comes with it. */
export interface ClientEvents {
  /** A connection was asked for, and is kept up from now on. */
  connecting: Record<string, never>;
  /** The platform knows this device as present; what was missed is on its way. */
  connected: { incarnation: number };
  /** The connection ended or an attempt failed. Another one follows by itself when `retryMs` is set. Not told of `close`. */
  disconnected: { retryMs?: number; error?: unknown };
  /** A message was decrypted and is in the store. For work that must not be missed use `messages()`. */
  message: Message;
  /** A message could not be decrypted; it is in the history with its cause. */
  unreadable: UnreadableMessage;
  /** A conversation is new here, or its members, roles or title have changed. */
  conversation: { conversation: ConversationId };
  /**
   * What the platform shows of a group's members does not follow on what was seen, or was not signed by whom it names;
   * `identity.changed` passes with `acceptIdentity`. Nothing is sent there until then, or until `groups.acceptLog`.
   */
  'group-broken': { conversation: ConversationId; cause: string };
  /** Somebody shows another name or picture, or is shown again or no more because of a block; `people.profile` tells. */
  profile: { user: UserId };
  /** The account's device list was signed anew: devices may have come or gone, which `devices` tells. */
  'devices-changed': Record<string, never>;
  /** A message of ours is on the platform's disk. */
  stored: { id: MessageId; conversation: ConversationId; seq: number };
  /** A message of ours was refused for good; its content is kept in the store. */
  failed: { id: MessageId; conversation: ConversationId; code: ProblemCode };
  /** A contact's identity key is not the one seen before. Nothing is sent to it until `acceptIdentity`. */
  'identity-changed': { user: UserId };
  /**
   * An account's device list gives reason to be careful. `stale`: it should have been signed anew long ago, so somebody
   * may hold back a newer one; `ahead`: it is signed by a wrong clock. `refused`: it is not the account's, older than
   * one seen before, or does not name a device that the platform handed out; nothing is sent to the account.
   */
  'device-list-warning': { user: UserId; warning: 'stale' | 'ahead' | 'refused' };
  /**
   * The key log has an identity of this account that was not made here: somebody else, or another device that was not
   * linked, is this account now. Nothing is sent until this device was linked again or has taken the account back.
   */
  'account-compromised': { cause: string };
  /**
   * The key log shows different things to different people, or at different times: of one contact, when `user` is set,
   * or altogether. Nothing is sent, to that contact or at all, until `acceptIdentity` or `acceptKeyLog`.
   */
  'key-log-broken': { user?: UserId; cause: string };
  /**
   * The platform was restored from a backup at this time, in milliseconds by its own clock, so the key log is not the one
   * that was seen before. What was seen of each account still holds; of others, what came after the backup is gone.
   */
  'key-log-restored': { incarnation: number; time: number };
  /**
   * The platform says that this device has done more than its store knows, and this many messages more: the store is a
   * copy, or the platform lies. New sessions were made.
   */
  'store-behind': { messages: number };
  /** This device was linked; the history that the other one has left for it cannot be had. */
  'history-lost': { error: unknown };
  /** Lines of a conversation were added, or are other ones than before: its messages, how far they have come, what was read. */
  'lines-changed': { conversation: ConversationId };
  /** Somebody has read everything up to this place: another member, or this account here or on another device. */
  read: { conversation: ConversationId; user: UserId; seq: number };
  /** Somebody writes just now. It comes again every few seconds while that goes on. */
  typing: { conversation: ConversationId; user: UserId };
  /**
   * The tab, worker or process that runs the client for this one does not answer, or does so again: what is asked meanwhile
   * rejects with `client.silent`. Only told by a client that follows another one.
   */
  silent: { isSilent: boolean };
  /** Something that goes on by itself failed; it is tried again. Nothing is lost. */
  trouble: { error: unknown };
  /** The session was ended, here or elsewhere: log in again. */
  'logged-out': Record<string, never>;
}

export type ClientEvent = keyof ClientEvents;
export type Listener<E extends ClientEvent> = (event: ClientEvents[E]) => void;

export interface Events {
  /** Calls `listener` at each event of this name, until the returned function is called. */
  on<E extends ClientEvent>(name: E, listener: Listener<E>): () => void;
  emit<E extends ClientEvent>(name: E, event: ClientEvents[E]): void;
}

/** An empty set of listeners. */
export function createEvents(): Events {
  const listeners: { [E in ClientEvent]?: Set<Listener<E>> } = {};
  return {
    on(name, listener) {
      const set = heard(listeners, name);
      set.add(listener);
      return () => set.delete(listener);
    },
    emit(name, event) {
      for (const listener of [...heard(listeners, name)]) callListener(listener, event);
    },
  };
}

function heard<E extends ClientEvent>(
  listeners: { [N in E]?: Set<Listener<N>> },
  name: E,
): Set<Listener<E>> {
  const set = listeners[name] ?? new Set<Listener<E>>();
  listeners[name] = set;
  return set;
}

/** A listener that throws is the application's bug: it surfaces as one, and stops nothing of ours. */
export function callListener<T>(listener: (event: T) => void, event: T): void {
  try {
    listener(event);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
