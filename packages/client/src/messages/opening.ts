/** What all who open messages and act on them work with. */
import type { Address, ConversationId, MessageId, MessageSlot, UserId } from '@sotto/api';
import type { Head } from '@sotto/crypto';
import type { Events } from '../events.ts';
import type { StoreTransaction } from '../store/store.ts';
import type { Contact } from '../trust/key-log.ts';
import type { Sessions, SessionsDeps } from '../trust/sessions.ts';
import type { Control } from './control.ts';
import type { ConversationRecord } from './conversation-record.ts';
import type { Message } from './history-item.ts';

/** Within the transaction that moves a conversation's cursor. */
export interface OpenDeps extends SessionsDeps {
  readonly transaction: StoreTransaction;
  readonly sessions: Sessions;
  readonly conversation: ConversationRecord;
  readonly events: Events;
  /** There is something new to send in a conversation; to be called {@link later}. */
  readonly wake: (conversation: ConversationId) => void;
  /** Takes what is to be done once the transaction is on disk. */
  readonly later: (() => void)[];
  /** There is something to ask for again; to be called {@link later}. */
  readonly onMissed: () => void;
  /** A sender may have seen an entry of the group's log that is missing here. */
  readonly onLogBehind: (sender: UserId) => void;
  /** Has somebody looked up in the key log; to be called {@link later}. */
  readonly prove: (contact: Contact) => void;
  /** Takes messages that have become readable; each goes into the history at its own place. */
  readonly repaired: Message[];
}

/** A control message with what its sender and the platform said about it. */
export interface ControlArrival {
  readonly id: MessageId;
  readonly seq: number;
  readonly sender: Address;
  readonly sentAt: MessageSlot['sentAt'];
  /** Milliseconds since 1970 by the sender's clock. */
  readonly time: number;
  /** Of the group's log, as the sender had seen it. */
  readonly membership?: Head | undefined;
  readonly content: Uint8Array;
}

/** Acts on one kind, within the transaction that moves the cursor past it. Throws only what is not the message's fault. */
export type ControlHandler<Type extends Control['type']> = (
  deps: OpenDeps,
  arrival: ControlArrival,
  control: Extract<Control, { type: Type }>,
) => Promise<void>;
