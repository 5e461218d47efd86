/**
 * How much one user may change groups. Every member gets each entry as they get messages, so it costs what a message does;
 * and so many people who do not know the user may be taken into groups in a day.
 */
import type { ConversationId, UserId } from '@sotto/api';
import type { Database, Limiters, LimitsSection } from '@sotto/runtime';
import { findStrangers } from './acquaintance-store.ts';
import { DAY_MS } from './limits.ts';
import type { Tables } from './schema.ts';
import { openSendBudgets, type SendLimits } from './send-limit.ts';

export interface MembershipLimit {
  /**
   * Takes what an entry costs its author. Throws `rate.limited`, and has then taken nothing for strangers. Call what it
   * gives when the entry is not written after all: the strangers are given back.
   */
  take(
    author: UserId,
    entry: { conversation: ConversationId; joined: readonly UserId[] },
  ): Promise<GiveBack>;
}

type GiveBack = () => Promise<void>;

/** Open when the counters are gone, as sends are: each node then counts by itself. */
export function limitMembership(
  { query }: Pick<Database<Tables>, 'query'>,
  limiters: Limiters,
  limits: SendLimits & Pick<LimitsSection, 'groupStrangersPerDay'>,
): MembershipLimit {
  const sends = openSendBudgets(limiters, limits);
  const strangers = limiters.limiter('group-strangers', {
    ...{ points: limits.groupStrangersPerDay, windowMs: DAY_MS, whenGone: 'open' },
  });
  return {
    async take(author, { conversation, joined }) {
      await sends.take(author, conversation);
      const others = joined.filter((user) => user !== author);
      const { size } = await findStrangers(query, author, others);
      const giveBack = async () => {
        if (size > 0) await strangers.give(author, size);
      };
      if (size === 0) return giveBack;
      try {
        await strangers.take(author, size);
      } catch (error) {
        // A refusal takes them too, and fewer may still be asked for.
        await giveBack();
        throw error;
      }
      return giveBack;
    },
  };
}
