/**
 * Membership logs: who is in a group, as a chain of entries that admins sign, so that a server can
 * neither add a member nor give one other rights. Everyone who replays the same entries gets the same
 * members; the head in every envelope shows when two have not.
 *
 * Members are accounts, not identities. An entry names the identity that signed it, and the caller says
 * whether that identity is one of the author's: see {@link AuthorCheck}.
 */
import { concat, equal } from './bytes.ts';
import { signStatement, verifyStatement } from './ed25519.ts';
import { CryptoError } from './errors.ts';
import type { Head } from './head.ts';
import { KDF_LABELS, labelled } from './kdf.ts';
import type { Identity } from './keys.ts';
import { GROUP_MEMBERS_MAX } from './limits.ts';
import {
  type DecodedMembershipEntry,
  decodeMembershipEntry,
  encodeMembershipEntry,
  type MemberRole,
  type MembershipAction,
  type MembershipAuthor,
  type MembershipEntry,
} from './membership-entry.ts';
import type { Provider } from './provider.ts';

/** A member of a group. */
export interface Member {
  /** UUID of the account. */
  readonly user: string;
  readonly role: MemberRole;
  /** The entry by which the account came in, the last time it did. */
  readonly since: number;
}

/** A group as its log leaves it. Plain data; every entry makes a new one. */
export interface Membership {
  /** UUID of the conversation. */
  readonly conversation: string;
  readonly head: Head;
  /** The eldest first. Empty when all have gone: nothing can follow. */
  readonly members: readonly Member[];
  /** SHA-256 of the encrypted title; undefined before the first `rename`. */
  readonly titleHash: Uint8Array | undefined;
}

/**
 * Whether an identity is, or was, that of an account. For entries beyond the newest head seen, say yes
 * to the pinned identity only; in a replay from the start also to its predecessors in the key log.
 */
export type AuthorCheck = (author: MembershipAuthor) => boolean;

/** A signed entry, and the group after it. */
export interface MembershipStep {
  readonly encoded: Uint8Array;
  readonly membership: Membership;
}

/**
 * Creates a group of the author and `users`, the others. Throws `input.invalid` when they are no UUIDs,
 * repeat, or are too many, and `log.refused` when the author is among them.
 */
export function createMembershipLog(
  provider: Provider,
  author: { readonly user: string; readonly identity: Identity },
  group: {
    readonly conversation: string;
    readonly time: number;
    readonly users: readonly string[];
  },
): MembershipStep {
  const { conversation, time } = group;
  const action = { type: 'create', users: group.users.toSorted() } as const;
  const place = { conversation, version: 1, previousHash: new Uint8Array(32), time };
  return signEntry(provider, { author, membership: undefined }, { ...place, action });
}

/**
 * Signs the next entry. Throws `log.refused` when the author may not make it or it changes nothing, and
 * `input.invalid` for a value out of range.
 */
export function signMembershipEntry(
  provider: Provider,
  {
    author,
    membership,
  }: {
    readonly author: { readonly user: string; readonly identity: Identity };
    readonly membership: Membership;
  },
  { action, time }: { readonly action: MembershipAction; readonly time: number },
): MembershipStep {
  const sorted = 'users' in action ? { ...action, users: action.users.toSorted() } : action;
  return signEntry(
    provider,
    { author, membership },
    { ...placeAfter(membership), time, action: sorted },
  );
}

/** The entry by which a server takes a deleted account out of a group. Throws `log.refused`. */
export function departedEntry(
  provider: Provider,
  membership: Membership,
  { user, time }: { readonly user: string; readonly time: number },
): MembershipStep {
  const action = { type: 'departed', user } as const;
  const encoded = encodeMembershipEntry({
    ...placeAfter(membership),
    time,
    author: undefined,
    action,
  });
  return {
    encoded,
    membership: applyMembershipEntry(provider, membership, { encoded, isAuthor: never }),
  };
}

/**
 * The group after one more entry; `membership` is undefined before the first. Throws `encoding.*`;
 * `log.gap` when entries before it are missing; `head.rolled-back` when it is no newer than the head;
 * `head.forked` when it follows on another entry; `identity.changed` when `isAuthor` says no;
 * `signature.invalid`; `log.refused` when the author may not make it or it changes nothing.
 */
export function applyMembershipEntry(
  provider: Provider,
  membership: Membership | undefined,
  { encoded, isAuthor }: { readonly encoded: Uint8Array; readonly isAuthor: AuthorCheck },
): Membership {
  const decoded = decodeMembershipEntry(encoded);
  const { entry } = decoded;
  checkPlace(membership, entry);
  checkAuthor(provider, decoded, isAuthor);
  const before = membership?.members ?? [];
  const members = withAnAdmin(membersAfter(before, entry));
  const hash = provider.sha256(labelled(KDF_LABELS.membershipLog, encoded));
  const { action, conversation, version } = entry;
  const titleHash = action.type === 'rename' ? action.titleHash : membership?.titleHash;
  return { conversation, head: { version, hash }, members, titleHash };
}

/**
 * Replays a log from its first entry. Throws as {@link applyMembershipEntry}; `log.refused` when it is
 * of another conversation; `head.rolled-back` when it ends before `seen`, the newest head seen so far,
 * and `head.forked` when it does not lead through that.
 */
export function replayMembershipLog(
  provider: Provider,
  entries: readonly Uint8Array[],
  expected: {
    readonly conversation: string;
    readonly seen: Head | undefined;
    readonly isAuthor: AuthorCheck;
  },
): Membership {
  const { conversation, seen, isAuthor } = expected;
  let membership: Membership | undefined;
  for (const encoded of entries) {
    membership = applyMembershipEntry(provider, membership, { encoded, isAuthor });
    if (seen?.version === membership.head.version && !equal(seen.hash, membership.head.hash)) {
      throw new CryptoError('head.forked', 'two different logs of one group');
    }
  }
  if (membership === undefined) throw new CryptoError('log.gap', 'the log is empty');
  if (membership.conversation !== conversation) throw refused('an entry of another conversation');
  if (seen !== undefined && membership.head.version < seen.version) {
    throw new CryptoError('head.rolled-back', 'a log shorter than one already seen');
  }
  return membership;
}

type Unsigned = Omit<MembershipEntry, 'author'>;

function signEntry(
  provider: Provider,
  {
    author,
    membership,
  }: {
    author: { readonly user: string; readonly identity: Identity };
    membership: Membership | undefined;
  },
  unsigned: Unsigned,
): MembershipStep {
  const { user, identity } = author;
  const message = encodeMembershipEntry({
    ...unsigned,
    author: { user, identityKey: identity.publicKey },
  });
  const signature = signStatement(provider, identity.seed, { purpose: 'membershipEntry', message });
  const encoded = concat(message, signature);
  const isAuthor = () => true;
  return { encoded, membership: applyMembershipEntry(provider, membership, { encoded, isAuthor }) };
}

function placeAfter({ conversation, head }: Membership) {
  return { conversation, version: head.version + 1, previousHash: head.hash };
}

function checkPlace(membership: Membership | undefined, entry: MembershipEntry): void {
  const { head } = membership ?? {};
  if (membership && entry.conversation !== membership.conversation) {
    throw refused('an entry of another conversation');
  }
  if (entry.version > (head?.version ?? 0) + 1) {
    throw new CryptoError('log.gap', 'entries are missing before this one');
  }
  if (head === undefined) return; // The first entry, as its decoder has made sure.
  if (entry.version <= head.version) {
    throw new CryptoError('head.rolled-back', 'an entry that is not newer than the head');
  }
  if (!equal(entry.previousHash, head.hash)) {
    throw new CryptoError('head.forked', 'the entry follows on another one');
  }
}

function checkAuthor(
  provider: Provider,
  { entry, signedBytes, signature }: DecodedMembershipEntry,
  isAuthor: AuthorCheck,
): void {
  const { author } = entry;
  if (author === undefined) return; // `departed`: nobody signs it.
  const statement = { purpose: 'membershipEntry', message: signedBytes, signature } as const;
  if (!verifyStatement(provider, author.identityKey, statement)) {
    throw new CryptoError('signature.invalid', 'the membership entry is not signed by its author');
  }
  if (!isAuthor(author)) {
    throw new CryptoError('identity.changed', 'the author signs with another identity');
  }
}

/** The rules: who may change what. */
function membersAfter(members: readonly Member[], entry: MembershipEntry): readonly Member[] {
  const { action, author, version } = entry;
  const own = members.find(({ user }) => user === author?.user);
  if (action.type === 'departed') return without(members, [action.user]);
  if (action.type === 'create') {
    const creator: Member = { user: author!.user, role: 'admin', since: version };
    return joined([creator], action.users, version);
  }
  if (own === undefined) throw refused('the author is not a member');
  if (action.type === 'leave') return without(members, [own.user]);
  if (own.role !== 'admin') throw refused('the author is not an admin');
  switch (action.type) {
    case 'add':
      return joined(members, action.users, version);
    case 'remove':
      if (action.users.includes(own.user)) throw refused('one leaves, and does not remove oneself');
      return without(members, action.users);
    case 'role':
      return withRole(members, action);
    case 'rename':
      return members;
  }
}

function joined(members: readonly Member[], users: readonly string[], since: number): Member[] {
  if (users.some((user) => members.some((member) => member.user === user))) {
    throw refused('already a member');
  }
  const all = [...members, ...users.map((user) => ({ user, role: 'member', since }) as const)];
  if (all.length > GROUP_MEMBERS_MAX) throw refused('too many members');
  return all;
}

function without(members: readonly Member[], users: readonly string[]): Member[] {
  const left = members.filter(({ user }) => !users.includes(user));
  if (left.length !== members.length - users.length) throw refused('not a member');
  return left;
}

function withRole(
  members: readonly Member[],
  { user, role }: { readonly user: string; readonly role: MemberRole },
): Member[] {
  const member = members.find((each) => each.user === user);
  if (member === undefined) throw refused('not a member');
  if (member.role === role) throw refused('the member has this role');
  const changed = members.map((each) => (each === member ? { ...each, role } : each));
  if (!changed.some((each) => each.role === 'admin')) throw refused('no admin would be left');
  return changed;
}

/** The eldest member takes over when the last admin has gone. */
function withAnAdmin(members: readonly Member[]): readonly Member[] {
  const [eldest, ...others] = members;
  if (eldest === undefined || members.some(({ role }) => role === 'admin')) return members;
  return [{ ...eldest, role: 'admin' }, ...others];
}

function never(): boolean {
  return false;
}

function refused(message: string): CryptoError {
  return new CryptoError('log.refused', message);
}
