/** Roles of a group's members as they are stored. Numbers are never given to another role. */
import type { MemberRole } from '@sotto/crypto/verify';

export const ROLE_NUMBERS = { member: 1, admin: 2 } as const satisfies Record<MemberRole, number>;
export type RoleNumber = (typeof ROLE_NUMBERS)[MemberRole];

/** The role of a stored number. */
export function roleOf(number: RoleNumber): MemberRole {
  return number === ROLE_NUMBERS.admin ? 'admin' : 'member';
}
