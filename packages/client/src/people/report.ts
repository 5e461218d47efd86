/** What the operator is told of somebody. */
import { REPORT_TEXT_LENGTH_MAX, reportUser, type UserId } from '@sotto/api';
import type { Call } from '../connection/call.ts';
import { ClientError } from '../errors.ts';
import type { Content } from '../messages/content.ts';
import type { Message } from '../messages/history-item.ts';

/** What the operator is to know. */
export interface Report {
  readonly user: UserId;
  readonly reason: 'spam' | 'abuse' | 'illegal' | 'other';
  readonly note?: string;
  /** What they wrote, at most 20 messages of one conversation: the operator is shown these, and no others. */
  readonly messages?: readonly Message[];
}

/** Tells the operator. Throws `content.invalid` for messages of somebody else, or of several conversations. */
export async function reportPerson(
  call: Call,
  { user, reason, note, messages = [] }: Report,
): Promise<{ report: string }> {
  const conversation = messages[0]?.conversation;
  const isTheirs = messages.every(
    (message) => message.sender.user === user && message.conversation === conversation,
  );
  if (!isTheirs) {
    throw new ClientError('content.invalid', 'only what the user wrote, in one conversation');
  }
  const disclosed = messages.map(({ id, sentAt, content }) => ({
    id,
    sentAt,
    text: textOf(content).slice(0, REPORT_TEXT_LENGTH_MAX).toWellFormed(),
  }));
  return call(reportUser, { body: { user, reason, note, conversation, messages: disclosed } });
}

/** A message in words. */
function textOf(content: Content): string {
  switch (content.type) {
    case 'text':
    case 'edit':
      return content.text;
    case 'file':
      return `(file) ${content.file.name}`;
    case 'reaction':
      return `(reaction) ${content.emoji ?? ''}`;
    default:
      return `(${content.type})`;
  }
}
