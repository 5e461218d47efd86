/** What one entry of a membership log does to the members, as the database is to have it. */
import type { ConversationId, UserId } from '@sotto/api';
import type { Member, Membership } from '@sotto/crypto/verify';

/** A signed entry, and the group before and after it. */
export interface MembershipStep {
  readonly conversation: ConversationId;
  readonly entry: Uint8Array;
  /** Undefined when the entry founds the group. */
  readonly before: Membership | undefined;
  readonly after: Membership;
}

/** Who came, in the order of their rank, who went, and who has another role. */
export interface MembershipDifference {
  readonly joined: readonly Member[];
  readonly left: readonly UserId[];
  readonly changed: readonly Member[];
}

/** Compares the two groups of a step. */
export function differenceOf({
  before,
  after,
}: Pick<MembershipStep, 'before' | 'after'>): MembershipDifference {
  const roles = new Map(before?.members.map(({ user, role }) => [user, role]));
  const stayed = new Set(after.members.map(({ user }) => user));
  return {
    joined: after.members.filter(({ user }) => !roles.has(user)),
    left: [...roles.keys()].filter((user) => !stayed.has(user)) as UserId[],
    changed: after.members.filter(({ user, role }) => (roles.get(user) ?? role) !== role),
  };
}
