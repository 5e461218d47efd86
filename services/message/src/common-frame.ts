/**
 * The frame of messages that are the same for all who get them: those of a group. It is made once, whether two sockets
 * get it or four hundred.
 */
import type { ConversationId } from '@sotto/api';
import { SLOTS_TEXT_MAX } from './limits.ts';
import { commonText } from './slots.ts';
import { textFrame } from './socket-writer.ts';
import type { StoredMessage } from './stored-message.ts';

/** By the list as the hub hands it to every socket. */
const frames = new WeakMap<readonly StoredMessage[], Buffer | 'none'>();

/** A `slots` frame of these messages, or undefined when they are not for everybody, or too many for one frame. */
export function commonFrame(
  conversation: ConversationId,
  messages: readonly StoredMessage[],
): Buffer | undefined {
  let frame = frames.get(messages);
  if (frame === undefined) {
    frame = makeFrame(conversation, messages) ?? 'none';
    frames.set(messages, frame);
  }
  return frame === 'none' ? undefined : frame;
}

function makeFrame(
  conversation: ConversationId,
  messages: readonly StoredMessage[],
): Buffer | undefined {
  const texts: string[] = [];
  let size = 0;
  for (const message of messages) {
    const text = commonText(message);
    if (text === undefined) return undefined;
    texts.push(text);
    size += text.length;
    if (size > SLOTS_TEXT_MAX) return undefined;
  }
  return textFrame(slotsFrame(conversation, texts.join(',')));
}

/** The text of a `slots` frame around the text of its slots. */
export function slotsFrame(conversation: ConversationId, slots: string, end = ''): string {
  return `{"type":"slots","conversation":"${conversation}","slots":[${slots}]${end}}`;
}
