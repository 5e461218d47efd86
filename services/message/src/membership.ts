/**
 * Groups are their membership logs (ADR 10): one operation founds one, one appends an entry, one reads the log.
 *
 * An entry is checked against the group as the database has it, before anything is locked; under the lock only the
 * version is compared. So a signature holds up nobody, and of two who go by the same version one wins.
 */
import { createHash } from 'node:crypto';
import {
  type Address,
  ApiError,
  ConversationId,
  MEMBERSHIP_VERSION_MAX,
  type UserId,
} from '@sotto/api';
import {
  applyMembershipEntry,
  CryptoError,
  decodeMembershipEntry,
  type Membership,
  type MembershipEntry,
  nobleProvider,
} from '@sotto/crypto/verify';
import type { Database, Outbox } from '@sotto/runtime';
import type { Transaction } from 'kysely';
import type { Audiences } from './audiences.ts';
import type { Commit } from './batch-commit.ts';
import { isMember } from './conversation-store.ts';
import type { Copies } from './copies.ts';
import { holdUsers } from './erasure-store.ts';
import type { Live } from './live.ts';
import { type MembershipWrite, writeEntry } from './membership-entry-store.ts';
import type { MembershipLimit } from './membership-limit.ts';
import { differenceOf } from './membership-step.ts';
import {
  findEntry,
  findMembership,
  insertGroup,
  lockGroup,
  type ReadableLog,
  readLog,
} from './membership-store.ts';
import { insertPartitioned } from './partitions.ts';
import type { Tables } from './schema.ts';

export interface MembershipDeps {
  database: Pick<Database<Tables>, 'query'>;
  copies: Pick<Copies, 'hasUsers' | 'fetchIdentity'>;
  audiences: Pick<Audiences, 'forget'>;
  /** Takes a commit to the sockets of this node and to the other nodes. */
  spread(commit: Commit): void;
  live: Pick<Live, 'changeRelations'>;
  outbox: Pick<Outbox, 'nudge'>;
  membershipLimit: MembershipLimit;
}

/**
 * Founds the group that an entry names; the same entry again changes nothing. Throws `conversation.entry-invalid`,
 * `conversation.entry-refused`, `conversation.member-unknown` and `conversation.exists`.
 */
export async function foundGroup(
  deps: MembershipDeps,
  author: Address,
  encoded: Uint8Array,
): Promise<ConversationId> {
  const entry = decode(encoded);
  if (entry.action.type !== 'create') throw invalid('a group begins with a create entry');
  requireAuthor(entry, author);
  const { success, data: conversation } = ConversationId.safeParse(entry.conversation);
  if (!success) throw invalid('the conversation has no proper id');
  const { query } = deps.database;
  const isThere = async () => {
    const first = await findEntry(query, conversation, entry.version);
    return first?.entry.equals(encoded) === true;
  };
  if (await isThere()) return conversation;
  const after = await apply(deps, author, { before: undefined, encoded });
  await requireUsers(deps, entry);
  const step = { conversation, entry: encoded, before: undefined, after };
  const seq = await commitWithin(deps, { step, author }, (transaction) =>
    insertGroup(transaction, after, conversation),
  );
  if (seq === undefined && !(await isThere())) throw new ApiError('conversation.exists');
  return conversation;
}

export interface MembershipChange {
  conversation: ConversationId;
  entry: Uint8Array;
  /** With a `rename`, and only then. */
  title?: Uint8Array | undefined;
}

/**
 * Appends an entry to a group's log; the same entry again is answered alike. Throws `request.invalid` for a title that does
 * not belong here, `conversation.not-found` for everyone but members, `conversation.version-conflict` for an entry that
 * does not follow on the newest, and otherwise as {@link foundGroup}.
 */
export async function changeMembership(
  deps: MembershipDeps,
  author: Address,
  { conversation, entry: encoded, title }: MembershipChange,
): Promise<{ version: number; seq: number }> {
  const { query } = deps.database;
  const entry = decode(encoded);
  requireTitle(entry, title);
  // Whoever left does not hear that there is no such conversation when the answer was lost.
  const known = await findEntry(query, conversation, entry.version);
  const isKnown = known?.entry.equals(encoded) === true && entry.author?.user === author.user;
  if (known !== undefined && isKnown) return { version: known.version, seq: known.seq };
  const before = await findMembership(query, conversation);
  if (before === undefined || !(await isMember(query, conversation, author.user))) {
    throw new ApiError('conversation.not-found');
  }
  if (entry.conversation !== conversation) throw invalid('the entry is of another conversation');
  requireAuthor(entry, author);
  const after = await apply(deps, author, { before, encoded });
  await requireUsers(deps, entry);
  const step = { conversation, entry: encoded, before, after };
  const written = await commitWithin(deps, { step, author, title }, (transaction) =>
    lockGroup(transaction, before, conversation),
  );
  if (written === undefined) throw await conflict(deps, conversation);
  return { version: after.head.version, seq: written };
}

/** A page of a group's log, as far as a user may see it. Throws `conversation.not-found`. */
export async function listMembership(
  { database }: Pick<MembershipDeps, 'database'>,
  reader: { conversation: ConversationId; user: UserId },
  page: { after: number; limit: number },
): Promise<ReadableLog> {
  const log = await readLog(database.query, reader, page);
  if (log === undefined) throw new ApiError('conversation.not-found');
  return log;
}

/** Takes an entry apart, which verifies nothing but its form. */
function decode(encoded: Uint8Array): MembershipEntry {
  let entry: MembershipEntry;
  try {
    ({ entry } = decodeMembershipEntry(encoded));
  } catch (error) {
    throw problemOf(error, 0);
  }
  if (entry.version > MEMBERSHIP_VERSION_MAX) throw invalid('no log is as long as that');
  return entry;
}

/** Members speak for themselves; `departed`, which nobody signs, is the platform's own. */
function requireAuthor({ author }: MembershipEntry, caller: Address): void {
  if (author?.user !== caller.user) throw new ApiError('conversation.entry-refused');
}

function requireTitle({ action }: MembershipEntry, title: Uint8Array | undefined): void {
  if ((action.type === 'rename') !== (title !== undefined)) {
    const detail = 'a title comes with a rename, and only then';
    throw new ApiError('request.invalid', { detail, fields: ['title'] });
  }
  if (action.type !== 'rename' || title === undefined) return;
  const digest = createHash('sha256').update(title).digest();
  if (!digest.equals(action.titleHash)) throw invalid('the entry names another title');
}

/** The group after the entry. The author's identity is asked for each time: it may have changed a moment ago. */
async function apply(
  { copies }: Pick<MembershipDeps, 'copies'>,
  author: Address,
  { before, encoded }: { before: Membership | undefined; encoded: Uint8Array },
): Promise<Membership> {
  const identityKey = await copies.fetchIdentity(author.user);
  const isAuthor = (named: { identityKey: Uint8Array }) => {
    return identityKey !== undefined && Buffer.compare(named.identityKey, identityKey) === 0;
  };
  try {
    return applyMembershipEntry(nobleProvider, before, { encoded, isAuthor });
  } catch (error) {
    throw problemOf(error, before?.head.version ?? 0);
  }
}

async function requireUsers(
  { copies }: Pick<MembershipDeps, 'copies'>,
  { action }: MembershipEntry,
): Promise<void> {
  if (action.type !== 'create' && action.type !== 'add') return;
  if (!(await copies.hasUsers(action.users as UserId[]))) throw memberUnknown();
}

/** Writes the entry like {@link commit}, if its author may do as much. Throws `rate.limited`. */
async function commitWithin(
  deps: MembershipDeps,
  write: MembershipWrite & { author: Address },
  lock: (transaction: Transaction<Tables>) => Promise<boolean>,
): Promise<number | undefined> {
  const { author, step } = write;
  const joined = differenceOf(step).joined.map(({ user }) => user as UserId);
  const cost = { conversation: step.conversation, joined };
  const giveBack = await deps.membershipLimit.take(author.user, cost);
  let seq: number | undefined;
  try {
    seq = await commit(deps, write, lock);
    return seq;
  } finally {
    if (seq === undefined) await giveBack();
  }
}

/**
 * Writes the entry once `lock` has the conversation in its hands. Gives the place that it took, nothing when the lock says
 * that the entry does not fit any more.
 */
async function commit(
  { database, audiences, live, spread, outbox }: MembershipDeps,
  write: MembershipWrite,
  lock: (transaction: Transaction<Tables>) => Promise<boolean>,
): Promise<number | undefined> {
  const { conversation } = write.step;
  const { joined, left } = differenceOf(write.step);
  const users = joined.map(({ user }) => user as UserId);
  const done = await insertPartitioned(database, () =>
    database.query.transaction().execute(async (transaction) => {
      if (users.length > 0 && !(await holdUsers(transaction, users))) throw memberUnknown();
      return (await lock(transaction)) ? writeEntry(transaction, write) : undefined;
    }),
  );
  audiences.forget(conversation);
  if (done === undefined) return undefined;
  spread(done);
  live.changeRelations({ users: [...users, ...left], conversation });
  outbox.nudge();
  return done.groups[0]?.messages[0]?.seq;
}

/** What a fault of an entry is called in the contract. `version` is the newest. */
function problemOf(error: unknown, version: number): unknown {
  if (!(error instanceof CryptoError)) return error;
  switch (error.code) {
    case 'log.gap':
    case 'head.rolled-back':
    case 'head.forked':
      return new ApiError('conversation.version-conflict', { version, cause: error });
    case 'log.refused':
      return new ApiError('conversation.entry-refused', { detail: error.message, cause: error });
    default:
      return new ApiError('conversation.entry-invalid', { detail: error.message, cause: error });
  }
}

/** Another entry came first. */
async function conflict(
  { database }: Pick<MembershipDeps, 'database'>,
  conversation: ConversationId,
): Promise<ApiError> {
  const { head } = (await findMembership(database.query, conversation)) ?? {};
  if (head === undefined) return new ApiError('conversation.not-found');
  return new ApiError('conversation.version-conflict', { version: head.version });
}

function invalid(detail: string): ApiError {
  return new ApiError('conversation.entry-invalid', { detail });
}

function memberUnknown(): ApiError {
  return new ApiError('conversation.member-unknown');
}
