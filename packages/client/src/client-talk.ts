/** The part of a client that is about conversations: finding them, sending, reading. */
import { ConversationId, DeviceId, type MessageId, type UserId } from '@sotto/api';
import type { ClientCore } from './client-core.ts';
import type { Sent, TalkDoor } from './client-interface.ts';
import { ClientError } from './errors.ts';
import type { FileInput } from './files/file-input.ts';
import { createFiles, type OpenFileOptions, type SendFileOptions } from './files/files.ts';
import { OUTBOX_PER_CONVERSATION_MAX } from './limits.ts';
import type { Content } from './messages/content.ts';
import {
  findUserByName,
  type HistoryRange,
  listKnownConversations,
  openDirectConversation,
  readHistory,
} from './messages/conversations.ts';
import type { Message } from './messages/history-item.ts';
import { type HeadingOptions, headingOf } from './messages/message-heading.ts';
import { enqueue } from './messages/outbox.ts';
import { readUnsent, whenStored } from './messages/sent-message.ts';
import type { StoreWork } from './store/store.ts';

/** What an application calls to talk and to read. */
export function openTalkDoor(core: ClientCore): TalkDoor {
  const { store, call, provider, clock } = core;
  const transfer = { random: Math.random, closing: core.closing };
  const files = createFiles({ store, provider, call, clock, ...transfer });
  return {
    messages: () => core.arrivals.messages(),
    history: (conversation: ConversationId, range: HistoryRange = {}) =>
      readHistory(store, conversation, range),
    conversations: () => listKnownConversations(store),
    findUser: (username: string) => findUserByName(call, username),
    openDirect: (user: UserId) => openDirectConversation(core, user),
    sendText: (conversation: ConversationId, text: string, options: HeadingOptions = {}) =>
      send(core, conversation, { content: { type: 'text', text }, options }),
    async sendFile(conversation: ConversationId, input: FileInput, options: SendFileOptions = {}) {
      assertConversation(conversation);
      const { reference: file, settle } = await files.store(conversation, input, options);
      return send(core, conversation, { content: { type: 'file', file }, options, settle });
    },
    openFile: (message: Message, options: OpenFileOptions = {}) => files.open(message, options),
    unsent: (conversation: ConversationId) =>
      readUnsent(store, conversation, OUTBOX_PER_CONVERSATION_MAX),
    async whenStored(id: MessageId) {
      return whenStored(await core.peerDeps(), id, core.closing);
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
    const content = { ...said, ...(await headingOf(transaction, conversation, options)) };
    return enqueue(deps, transaction, { conversation, content });
  });
  core.wake(conversation);
  core.events.emit('lines-changed', { conversation });
  const device = DeviceId.parse(deps.local.address.device);
  return { id, conversation, reference: { device, id } };
}

/** Throws `conversation.unknown`. Whether there is such a conversation only the platform knows: it may be of another device of the account. */
export function assertConversation(conversation: ConversationId): void {
  if (ConversationId.safeParse(conversation).success) return;
  throw new ClientError('conversation.unknown', `no conversation has the id ${conversation}`);
}
