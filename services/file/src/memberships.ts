/** Who is a member of which conversation, asked of the message service and believed for one second. */
import type { ConversationId, UserId } from '@sotto/api';
import { findMembership } from '@sotto/api/internal';
import { type Clock, callPeer, type Fetch } from '@sotto/runtime';
import { MEMBERSHIP_MS, MEMBERSHIPS_MAX } from './limits.ts';

/** True for a member. Throws `service.unavailable` when the message service cannot say. */
export type IsMember = (conversation: ConversationId, user: UserId) => Promise<boolean>;

export interface MembershipsOptions {
  message: Fetch;
  internalSecret: string;
  clock: Clock;
}

interface Answer {
  member: Promise<boolean>;
  askedAt: number;
}

/** Questions that are under way are shared, and their answers kept. */
export function createMemberships(options: MembershipsOptions): IsMember {
  const { message, internalSecret, clock } = options;
  const answers = new Map<string, Answer>();

  async function ask(conversation: ConversationId, user: UserId): Promise<boolean> {
    const params = { conversation_id: conversation, user_id: user };
    const { member } = await callPeer(message, findMembership, { params }, internalSecret);
    return member;
  }

  return (conversation, user) => {
    const key = `${conversation} ${user}`;
    const known = answers.get(key);
    // The age counts from the question: the answer may be as old as that.
    if (known !== undefined && clock() - known.askedAt <= MEMBERSHIP_MS) return known.member;
    const answer = { member: ask(conversation, user), askedAt: clock() };
    // Deleted first, so that the map stays in the order of the questions.
    answers.delete(key);
    answers.set(key, answer);
    forgetEldest(answers);
    answer.member.catch(() => {
      if (answers.get(key) === answer) answers.delete(key);
    });
    return answer.member;
  };
}

function forgetEldest(answers: Map<string, Answer>): void {
  if (answers.size <= MEMBERSHIPS_MAX) return;
  for (const key of answers.keys()) {
    answers.delete(key);
    return;
  }
}
