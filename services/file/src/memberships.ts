/** Who is a member of which conversation, asked of the message service and believed for one second. */
import type { ConversationId, UserId } from '@sotto/api';
import { countMembers, findMembership } from '@sotto/api/internal';
import { callPeer, type Fetch } from '@sotto/runtime';
import type { Heard } from './grant-store.ts';
import { MEMBERSHIP_MS, MEMBERSHIPS_MAX } from './limits.ts';

/**
 * True for a member. `heard` is what the events have said of the membership until now: an answer to a question of before
 * they said so is not believed. Throws `service.unavailable` when the message service cannot say.
 */
export type IsMember = (
  conversation: ConversationId,
  user: UserId,
  heard: Heard,
) => Promise<boolean>;

/** True while a conversation has members. Throws `service.unavailable` likewise. */
export type HasMembers = (conversation: ConversationId) => Promise<boolean>;

export interface MembershipsOptions {
  message: Fetch;
  internalSecret: string;
}

interface Answer {
  member: Promise<boolean>;
  /** By a clock that nobody can put back: who left would be believed to be there until it has caught up. */
  askedAt: number;
  heard: Heard;
}

/** Questions that are under way are shared, and their answers kept. */
export function createMemberships(options: MembershipsOptions): IsMember {
  const { message, internalSecret } = options;
  const answers = new Map<string, Answer>();

  async function ask(conversation: ConversationId, user: UserId): Promise<boolean> {
    const params = { conversation_id: conversation, user_id: user };
    const { member } = await callPeer(message, findMembership, { params }, internalSecret);
    return member;
  }

  return (conversation, user, heard) => {
    const key = `${conversation} ${user}`;
    const known = answers.get(key);
    // The age counts from the question: the answer may be as old as that.
    const isYoung = known !== undefined && performance.now() - known.askedAt <= MEMBERSHIP_MS;
    if (isYoung && known.heard === heard) return known.member;
    const answer = { member: ask(conversation, user), askedAt: performance.now(), heard };
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

/** Asks each time. */
export function createHasMembers({ message, internalSecret }: MembershipsOptions): HasMembers {
  return async (conversation) => {
    const params = { conversation_id: conversation };
    const { members } = await callPeer(message, countMembers, { params }, internalSecret);
    return members > 0;
  };
}
