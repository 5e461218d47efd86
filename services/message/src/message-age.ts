/**
 * Which message ids are taken: those whose own time is one that `message_ids` reaches back to (DESIGN 2.1).
 *
 * An id that is older may have been stored and forgotten since, and its message would get a second place. One from far
 * ahead would have to be remembered for as long.
 */
import { ApiError, type MessageId } from '@sotto/api';
import type { Clock } from '@sotto/runtime';
import { DAY_MS, MESSAGE_IDS_KEPT_DAYS } from './limits.ts';

export interface MessageAges {
  /** Why an id is not taken, unless it is known already; undefined when it is. */
  findFault(id: MessageId): ApiError | undefined;
  /** Takes no id of before a moment from now on, in milliseconds since 1970. */
  raise(from: number): void;
}

/** How long ids are remembered where messages are kept for so many days. */
export function rememberedMs(days: number): number {
  return (days + MESSAGE_IDS_KEPT_DAYS) * DAY_MS;
}

/** Goes by a clock and how long messages are kept. */
export function createMessageAges({ days, clock }: { days: number; clock: Clock }): MessageAges {
  const remembered = rememberedMs(days);
  let raised = 0;
  return {
    findFault(id) {
      const [made, now] = [timeOf(id), clock()];
      if (made < Math.max(raised, now - remembered)) return new ApiError('message.too-old');
      if (made <= now + remembered) return undefined;
      const detail = 'a message id is a UUIDv7 of the moment at which it is made';
      return new ApiError('request.invalid', { detail, fields: ['message.id'] });
    },
    raise(from) {
      raised = Math.max(raised, from);
    },
  };
}

/** The time within a UUIDv7: its first 48 bits, in milliseconds since 1970. */
function timeOf(id: MessageId): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** The lowest id of a time. */
export function lowestId(time: number): MessageId {
  const hex = Math.max(0, Math.floor(time)).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000` as MessageId;
}
