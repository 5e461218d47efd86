/** What this device has written and the platform does not have: lines of their own, and what they change of others. */
import { type ConversationId, DeviceId, UserId } from '@sotto/api';
import type { LocalParty } from '@sotto/crypto';
import { OUTBOX_VIEWED_MAX } from '../limits.ts';
import type { MessageView } from '../state/view.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord, entriesUnder } from '../store/stored-record.ts';
import { type Reaction, remarkOf } from './annotations.ts';
import { type Content, decodeContent } from './content.ts';
import { groupReactions, showContent } from './message-line.ts';
import type { MessageReference } from './message-reference.ts';
import { isControl, OutboxEntry } from './outbox-entry.ts';
import { lastSendNumber } from './send-counter.ts';

export interface WaitingLines {
  /** What the platform has refused, then what waits, each with the oldest first. */
  readonly lines: readonly MessageView[];
  /** A line of the history as it will be once everything that waits is stored. */
  readonly applyTo: (line: MessageView, reactions: readonly Reaction[]) => MessageView;
}

/** What the conversation's outbox holds, as far back as the newest {@link OUTBOX_VIEWED_MAX} messages, and what failed. */
export async function readWaiting(
  transaction: StoreTransaction,
  local: LocalParty,
  conversation: ConversationId,
): Promise<WaitingLines> {
  const entries = await waitingEntries(transaction, conversation);
  const remarks = new Map<string, Remark>();
  for (const { content } of entries) note(remarks, content);
  const applyTo = (line: MessageView, reactions: readonly Reaction[]) =>
    applyRemark(line, reactions, {
      remark: line.reference && remarks.get(nameOf(line.reference)),
      self: UserId.parse(local.address.user),
    });
  const toLine = ({ entry, content }: Waiting, status: 'waiting' | 'failed') => {
    const shown = showContent(content, false);
    const { id, time } = entry;
    const reference = { device: DeviceId.parse(local.address.device), id };
    const sender = UserId.parse(local.address.user);
    const line = { conversation, reference, sender, isOwn: true, time, status } as const;
    return shown && applyTo({ ...line, ...shown, reactions: [], order: 'next' }, []);
  };
  const failed = await failedEntries(transaction, conversation);
  const lines = [
    ...failed.map((entry) => toLine(entry, 'failed')),
    ...entries.map((entry) => toLine(entry, 'waiting')),
  ];
  return { lines: lines.filter((line) => line !== undefined), applyTo };
}

interface Waiting {
  readonly entry: OutboxEntry;
  readonly content: Content;
}

async function waitingEntries(
  transaction: StoreTransaction,
  conversation: ConversationId,
): Promise<Waiting[]> {
  const found: Waiting[] = [];
  const last = await lastSendNumber(transaction, conversation);
  const start = keys.outboxEntry(conversation, Math.max(0, last - OUTBOX_VIEWED_MAX));
  for await (const { value } of entriesUnder(transaction, keys.outbox(conversation), start)) {
    const entry = decodeRecord(OutboxEntry, value);
    if (entry.resent !== undefined || isControl(entry)) continue;
    found.push({ entry, content: decodeContent(entry.content) });
  }
  return found;
}

async function failedEntries(
  transaction: StoreTransaction,
  conversation: ConversationId,
): Promise<Waiting[]> {
  const found: Waiting[] = [];
  for await (const { value } of entriesUnder(transaction, keys.failedIn(conversation))) {
    const entry = decodeRecord(OutboxEntry, value);
    found.push({ entry, content: decodeContent(entry.content) });
  }
  return found.toSorted((a, b) => a.entry.counter - b.entry.counter);
}

/** What waits to be said about one message. */
interface Remark {
  readonly emoji?: string | null;
  readonly text?: string;
  readonly isDeleted?: boolean;
}

function note(remarks: Map<string, Remark>, content: Content): void {
  const about = remarkOf(content)?.about;
  if (about === undefined) return;
  const name = nameOf(about);
  const before = remarks.get(name);
  if (content.type === 'reaction') remarks.set(name, { ...before, emoji: content.emoji });
  else if (content.type === 'edit') remarks.set(name, { ...before, text: content.text });
  else remarks.set(name, { ...before, isDeleted: true });
}

interface Applied {
  readonly remark: Remark | undefined;
  readonly self: UserId;
}

/** What is no text of our own, or was taken back, nobody could have let such a remark wait for. */
function applyRemark(
  line: MessageView,
  reactions: readonly Reaction[],
  { remark, self }: Applied,
): MessageView {
  if (remark === undefined || line.body.type === 'deleted') return line;
  if (remark.isDeleted) {
    const { replyTo: _, ...kept } = line;
    return { ...kept, body: { type: 'deleted' }, reactions: [] };
  }
  const { emoji, text } = remark;
  const body = text === undefined ? line.body : withText(line.body, text);
  if (emoji === undefined) return { ...line, body };
  const others = reactions.filter(({ user }) => user !== self);
  const own = emoji === null ? [] : [{ user: self, emoji, seq: Number.MAX_SAFE_INTEGER }];
  return { ...line, body, reactions: groupReactions([...others, ...own]) };
}

/** One that says the same has changed nothing. */
function withText(body: MessageView['body'], text: string): MessageView['body'] {
  return body.type === 'text' && body.text !== text ? { ...body, text, isEdited: true } : body;
}

function nameOf({ device, id }: MessageReference): string {
  return `${device}/${id}`;
}
