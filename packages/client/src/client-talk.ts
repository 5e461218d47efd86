/** The part of a client that is about conversations: finding them, sending, reading. */
import { ConversationId, DeviceId, type MessageId, type UserId } from '@sotto/api';
import type { ClientCore } from './client-core.ts';
import { type Abortable, heeding } from './connection/heeding.ts';
import { ClientError } from './errors.ts';
import type { FileInput } from './files/file-input.ts';
import type { Files, OpenedFile, OpenFileOptions, SendFileOptions } from './files/files.ts';
import { LINES_PAGE, LINES_SHOWN_MAX, OUTBOX_PER_CONVERSATION_MAX } from './limits.ts';
import { loadLatePart } from './load-late.ts';
import type { Content } from './messages/content.ts';
import type { ConversationRecord } from './messages/conversation-record.ts';
import {
  findUserByName,
  type HistoryRange,
  listKnownConversations,
  openDirectConversation,
  readHistory,
} from './messages/conversations.ts';
import type { HistoryItem, Message, Place } from './messages/history-item.ts';
import { type HeadingOptions, headingOf } from './messages/message-heading.ts';
import { type OnceOptions, saidBefore } from './messages/message-once.ts';
import type { MessageReference } from './messages/message-reference.ts';
import { type ViewRange, viewMessages } from './messages/message-view.ts';
import { enqueue } from './messages/outbox.ts';
import { readUnsent, type UnsentMessage, whenStored } from './messages/sent-message.ts';
import type { MessageView } from './state/view.ts';
import type { StoreWork } from './store/store.ts';

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
   * given. Ends when the signal is aborted.
   */
  messages(options?: Abortable): AsyncGenerator<Message, void>;
  /** A conversation as this store has it, oldest first. */
  history(conversation: ConversationId, range?: HistoryRange): Promise<HistoryItem[]>;
  /**
   * Lines as `state.messages` shows them, the oldest first: the newest ones below a place, or of all. For going back further than
   * it does; they are not kept up to date. At most 500, and 50 when nothing is said.
   */
  lines(conversation: ConversationId, range?: Partial<ViewRange>): Promise<MessageView[]>;
  conversations(): Promise<ConversationRecord[]>;
  /** A user by exact name, without case. A name that is seconds old may not be known yet. */
  findUser(
    username: string,
    options?: Abortable,
  ): Promise<{ user: UserId; username: string } | undefined>;
  /** The conversation with one other user; the same one each time. */
  openDirect(user: UserId, options?: Abortable): Promise<ConversationRecord>;
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
   * than were sent; nothing of those is ever given out. Of a line of `state.messages` give `{ content: line.body }`.
   */
  openFile(message: Pick<Message, 'content'>, options?: OpenFileOptions): Promise<OpenedFile>;
  /** Messages of a conversation that wait to be acknowledged by the platform, oldest first. */
  unsent(conversation: ConversationId): Promise<UnsentMessage[]>;
  /**
   * Resolves when a message of this device is on the platform's disk. Rejects with `message.refused`, with
   * `message.unknown` for none of this store's, and with `account.compromised` or `account.logged-out` when it is not
   * sent before a person has done something about it: it stays in the outbox meanwhile, and may be asked for again.
   */
  whenStored(id: MessageId, options?: Abortable): Promise<Place>;
}

/** What an application calls to talk and to read. */
export function openTalkDoor(core: ClientCore): TalkDoor {
  const { store, call, provider, clock } = core;
  const transfer = { random: Math.random, closing: core.closing };
  let files: Files | undefined;
  const loadFiles = async (): Promise<Files> => {
    const { createFiles } = await loadLatePart();
    files ??= createFiles({ store, provider, call, clock, ...transfer });
    return files;
  };
  return {
    messages: ({ signal } = {}) => core.arrivals.messages(signal),
    history: (conversation: ConversationId, range: HistoryRange = {}) =>
      readHistory(store, conversation, { ...range, now: clock() }),
    async lines(
      conversation: ConversationId,
      { before, limit = LINES_PAGE }: Partial<ViewRange> = {},
    ) {
      const { local } = await core.peerDeps();
      const range = {
        limit: Math.min(limit, LINES_SHOWN_MAX),
        now: clock(),
        ...(before !== undefined && { before }),
      };
      return store.transaction((it) => viewMessages(it, local, conversation, range));
    },
    conversations: () => listKnownConversations(store),
    findUser: (username, options = {}) =>
      heeding(options, () => findUserByName(call, username, options)),
    openDirect: (user, options = {}) => heeding(options, () => openDirectConversation(core, user)),
    sendText: (conversation: ConversationId, text: string, options: HeadingOptions = {}) =>
      send(core, conversation, { content: { type: 'text', text }, options }),
    async sendFile(conversation: ConversationId, input: FileInput, options: SendFileOptions = {}) {
      assertConversation(conversation);
      const before = options.isAgain && (await saidAlready(core, conversation, options));
      if (before) return before;
      const { reference: file, settle } = await (await loadFiles()).store(
        conversation,
        input,
        options,
      );
      return send(core, conversation, { content: { type: 'file', file }, options, settle });
    },
    openFile: async (message: Pick<Message, 'content'>, options: OpenFileOptions = {}) =>
      (await loadFiles()).open(message, options),
    unsent: (conversation: ConversationId) =>
      readUnsent(store, conversation, OUTBOX_PER_CONVERSATION_MAX),
    async whenStored(id, { signal } = {}) {
      const ended = signal ? AbortSignal.any([core.closing, signal]) : core.closing;
      return whenStored(await core.peerDeps(), id, { waiting: core.waitingIds, ended });
    },
  };
}

interface Sending {
  readonly content: Extract<Content, { type: 'text' | 'file' }>;
  readonly options: HeadingOptions;
  /** What changes in the store together with that. */
  readonly settle?: StoreWork<void>;
}

/** Puts content into the outbox of a conversation; it leaves as soon as it can. */
export async function send(
  core: ClientCore,
  conversation: ConversationId,
  { content: said, options, settle }: Sending,
): Promise<Sent> {
  assertConversation(conversation);
  const deps = await core.peerDeps();
  const id = await core.store.transaction(async (transaction) => {
    await settle?.(transaction);
    const before = await saidBefore(transaction, deps.local, { ...options, conversation });
    if (before !== undefined) return before;
    const content = { ...said, ...(await headingOf(transaction, conversation, options)) };
    return enqueue(deps, transaction, { conversation, content, id: options.id });
  });
  core.waitingIds.note(id);
  core.wake(conversation);
  core.events.emit('lines-changed', { conversation });
  const device = DeviceId.parse(deps.local.address.device);
  return { id, conversation, reference: { device, id } };
}

/** The message that was asked for before: its file needs not go up once more. */
async function saidAlready(
  core: ClientCore,
  conversation: ConversationId,
  once: OnceOptions,
): Promise<Sent | undefined> {
  const { local } = await core.peerDeps();
  const id = await core.store.transaction((transaction) =>
    saidBefore(transaction, local, { ...once, conversation }),
  );
  if (id === undefined) return undefined;
  return { id, conversation, reference: { device: DeviceId.parse(local.address.device), id } };
}

/** Throws `conversation.unknown`. Whether there is such a conversation only the platform knows: it may be of another device of the account. */
export function assertConversation(conversation: ConversationId): void {
  if (ConversationId.safeParse(conversation).success) return;
  throw new ClientError('conversation.unknown', `no conversation has the id ${conversation}`);
}
