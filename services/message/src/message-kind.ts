/** The kinds of message (DESIGN 2.8) as they are stored. Numbers are never given to another kind. */
import type { OutgoingMessage } from '@sotto/api';

/** What takes a place in a conversation: what members send, and entries of a group's membership log. */
export type MessageKind = OutgoingMessage['kind'] | 'membership';

export const KIND_NUMBERS = {
  direct: 1,
  targeted: 2,
  group: 3,
  membership: 4,
} as const satisfies Record<MessageKind, number>;

const kinds = new Map<number, MessageKind>([
  [KIND_NUMBERS.direct, 'direct'],
  [KIND_NUMBERS.targeted, 'targeted'],
  [KIND_NUMBERS.group, 'group'],
  [KIND_NUMBERS.membership, 'membership'],
]);

/** The kind of a stored number. Throws for one that a newer release wrote. */
export function kindOf(number: number): MessageKind {
  const kind = kinds.get(number);
  if (kind === undefined) throw new RangeError('a stored message has an unknown kind');
  return kind;
}
