/** The part of a client that is about what people do with messages: react, change, take back, read, let go. */
import { type ConversationId, type MessageId, UserId } from '@sotto/api';
import type { ClientCore } from './client-core.ts';
import { assertConversation } from './client-talk.ts';
import { createPace } from './connection/pace.ts';
import { ClientError } from './errors.ts';
import { READS_PAUSE_MS, STORE_PAGE, TYPING_AGAIN_MS } from './limits.ts';
import { mayRemark, nothingOf, remarkOf, timeAfterRemarks } from './messages/annotations.ts';
import type { Content } from './messages/content.ts';
import { awaitTimer } from './messages/lifetime.ts';
import { keepLifetimes } from './messages/lifetime-keeper.ts';
import { type OnceOptions, saidBefore } from './messages/message-once.ts';
import {
  type MessageReference,
  type MessageTarget,
  referenceOf,
} from './messages/message-reference.ts';
import { type Found, findMessage } from './messages/message-search.ts';
import { enqueue, isUntouched, maySpeak, replaceContent } from './messages/outbox.ts';
import { markRead, tellReads } from './messages/read-marks.ts';
import { deleteRefused } from './messages/refused-message.ts';
import { sealTyping } from './messages/typing.ts';
import type { StoreTransaction } from './store/store.ts';
import type { PeerDeps } from './trust/peers.ts';

/** What people do with messages. Reactions, edits and the rest are messages too: they wait, leave and fail like texts. */
export interface ContentDoor {
  /**
   * Puts an emoji to a message, in place of the one that this account has given it; null takes that back. Rejects with
   * `message.unknown` for what is not in the store, and with `message.fixed` for what takes no reaction.
   */
  react(
    message: MessageTarget,
    emoji: string | null,
    once?: OnceOptions,
  ): Promise<{ id: MessageId }>;
  /**
   * Gives a text of this account other words. One that has not left is changed where it waits, and nobody learns of it.
   * Rejects with `message.unknown`, and with `message.fixed` for what is somebody else's, no text, or refused.
   */
  edit(message: MessageTarget, text: string, once?: OnceOptions): Promise<{ id: MessageId }>;
  /**
   * Takes back a message of this account, here and on all devices that have it; people who have seen it have seen it. One
   * that has not left does not leave, and one that was refused is thrown away: with `auth.device-unknown` also by whoever
   * has it. Rejects as `edit` does.
   */
  deleteMessage(message: MessageTarget, once?: OnceOptions): Promise<{ id: MessageId }>;
  /**
   * Everything up to this message was read. Its authors and the account's other devices are told, once a second at most;
   * messages that go away count from now. Nothing happens for one that lies behind what was read before.
   */
  markRead(message: MessageTarget): Promise<void>;
  /**
   * Tells those who are connected that somebody writes here: call it at each keystroke, it is told every few seconds. Does
   * nothing without a connection, before anything was said, and after fifty times without a message.
   */
  typing(conversation: ConversationId): Promise<void>;
  /** From now on messages of the conversation go away so many seconds after they were read; null: they stay. */
  setTimer(
    conversation: ConversationId,
    seconds: number | null,
    once?: OnceOptions,
  ): Promise<{ id: MessageId }>;
}

/** What an application calls to do something with messages. */
export function openContentDoor(core: ClientCore): ContentDoor {
  const tellRead = tellReadsOf(core);
  const tellTyping = tellTypingOf(core);
  keepLifetimes(core);
  tellLines(core);
  return {
    react: (message, emoji, once) =>
      remark(core, message, { ...once, say: (to) => ({ type: 'reaction', to, emoji }) }),
    edit: (message, text, once) =>
      remark(core, message, { ...once, say: (of) => ({ type: 'edit', of, text }) }),
    deleteMessage: (message, once) =>
      remark(core, message, { ...once, say: (of) => ({ type: 'delete', of }) }),
    async markRead(message) {
      const upTo = referenceOf(message);
      const { conversation } = message;
      const seq = await core.store.transaction((transaction) =>
        markRead(core, transaction, { conversation, upTo }),
      );
      if (seq === undefined) return;
      const user = UserId.parse((await core.peerDeps()).local.address.user);
      core.events.emit('read', { conversation, user, seq });
      core.events.emit('lines-changed', { conversation });
      tellRead();
    },
    typing: tellTyping,
    setTimer: (conversation, seconds, once = {}) =>
      change(core, { ...once, conversation }, async (deps, transaction) => {
        const content = { type: 'timer', seconds } as const;
        const id = await enqueue(deps, transaction, { conversation, content, id: once.id });
        await awaitTimer(transaction, conversation, { id, seconds });
        return id;
      }),
  };
}

interface Remark extends OnceOptions {
  readonly say: (about: MessageReference) => Content;
}

type Change = (deps: PeerDeps, transaction: StoreTransaction) => Promise<MessageId>;

/** Says something about a message, or, where nobody has it yet, does it to the message. */
function remark(
  core: ClientCore,
  message: MessageTarget,
  { say, ...once }: Remark,
): Promise<{ id: MessageId }> {
  const { conversation } = message;
  return change(core, { ...once, conversation }, async (deps, transaction) => {
    const about = referenceOf(message);
    const content = say(about);
    const user = UserId.parse(deps.local.address.user);
    const found = await findMessage(deps, transaction, { conversation, about });
    assertMayRemark(found, { content, user });
    if (await changeUnsent(deps, transaction, { found, about, content })) return about.id;
    const named = { ...about, device: found.entry?.sentBy ?? about.device };
    const notBefore = await timeAfterRemarks(transaction, conversation, { about: named, user });
    return enqueue(deps, transaction, { ...once, conversation, content: say(named), notBefore });
  });
}

function assertMayRemark(
  found: Found | undefined,
  { content, user }: { readonly content: Content; readonly user: UserId },
): asserts found is Found {
  if (found === undefined) {
    throw new ClientError('message.unknown', 'there is no such message in the store');
  }
  const kind = remarkOf(content)?.kind;
  const isTakenBack = found.isFailed === true && kind === 'deletion';
  const isFixed = found.isFailed === true && !isTakenBack;
  if (kind !== undefined && !isFixed && mayRemark(found, { kind, user })) return;
  throw new ClientError('message.fixed', 'that cannot be done to this message');
}

interface Unsent {
  readonly found: Found;
  readonly about: MessageReference;
  readonly content: Content;
}

/** True when it was done to the message itself, and nobody is to be told: it will not leave as it was. */
async function changeUnsent(
  deps: PeerDeps,
  transaction: StoreTransaction,
  { found, about, content }: Unsent,
): Promise<boolean> {
  const { entry } = found;
  if (entry === undefined || content.type === 'reaction') return false;
  if (found.isFailed) {
    await deleteRefused(transaction, entry);
    // Others may have it, unless only what this device has sent was refused.
    return !entry.sentBy || !(await maySpeak(deps, transaction, entry.conversation));
  }
  if (!isUntouched(entry)) return false;
  const isEdit = content.type === 'edit' && found.content.type === 'text';
  const instead = isEdit ? { ...found.content, text: content.text } : nothingOf(about);
  await replaceContent(deps, transaction, { entry, content: instead });
  return true;
}

async function change(
  core: ClientCore,
  { conversation, ...once }: OnceOptions & { readonly conversation: ConversationId },
  work: Change,
): Promise<{ id: MessageId }> {
  assertConversation(conversation);
  const deps = await core.peerDeps();
  const id = await core.store.transaction(async (transaction) => {
    const before = await saidBefore(transaction, deps.local, { ...once, conversation });
    return before ?? work(deps, transaction);
  });
  core.waitingIds.note(id);
  core.wake(conversation);
  core.events.emit('lines-changed', { conversation });
  return { id };
}

/** The function to be called when something was read: it is said soon, and also what was read before the last end. */
function tellReadsOf(core: ClientCore): () => void {
  const { store, events, closing } = core;
  const onError = (error: unknown) => events.emit('trouble', { error });
  const pace = createPace({ pauseMs: READS_PAUSE_MS, onError });
  const tellAll = async () => {
    const deps = await core.peerDeps();
    for (let isMore = true; isMore; ) {
      const told = await store.transaction((transaction) => tellReads(deps, transaction));
      for (const conversation of told) core.wake(conversation);
      isMore = told.length === STORE_PAGE;
    }
  };
  const need = () => pace.need(tellAll);
  events.on('connected', need);
  events.on('conversation', need); // It may have been accepted.
  closing.addEventListener('abort', () => void pace.close());
  return need;
}

function tellTypingOf(core: ClientCore): ContentDoor['typing'] {
  const toldAt = new Map<ConversationId, number>();
  return async (conversation) => {
    const now = performance.now();
    const isTold = now - (toldAt.get(conversation) ?? Number.NEGATIVE_INFINITY) < TYPING_AGAIN_MS;
    if (isTold || core.sendFrame === undefined) return;
    toldAt.set(conversation, now);
    const frame = await sealTyping(await core.peerDeps(), conversation);
    if (frame !== undefined) core.sendFrame?.(frame);
  };
}

/** Whatever has changed in the store shows in lines. */
function tellLines({ events }: ClientCore): void {
  const tell = ({ conversation }: { readonly conversation: ConversationId }) =>
    events.emit('lines-changed', { conversation });
  events.on('message', tell);
  events.on('unreadable', tell);
  events.on('stored', tell);
  events.on('failed', tell);
}
