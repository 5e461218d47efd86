/** The kinds of message (DESIGN 2.8) as they are stored. Numbers are never given to another kind. */
import type { OutgoingMessage } from '@sotto/api';

export type MessageKind = OutgoingMessage['kind'];

export const KIND_NUMBERS = { direct: 1, targeted: 2 } as const satisfies Record<
  MessageKind,
  number
>;

const kinds = new Map<number, MessageKind>([
  [KIND_NUMBERS.direct, 'direct'],
  [KIND_NUMBERS.targeted, 'targeted'],
]);

/** The kind of a stored number. Throws for one that a newer release wrote. */
export function kindOf(number: number): MessageKind {
  const kind = kinds.get(number);
  if (kind === undefined) throw new RangeError('a stored message has an unknown kind');
  return kind;
}
