/**
 * A group's membership log as the store has it (ADR 10): every entry that was verified, with the place that it took, and
 * the record that they lead to. All functions work within one store transaction; `group-reading.ts` asks the platform.
 */
import {
  bytes,
  bytesOf,
  type ConversationId,
  MEMBERSHIP_ENTRY_BYTES_MAX,
  Seq,
  type Timestamp,
  type UserId,
} from '@sotto/api';
import {
  CryptoError,
  decodeMembershipEntry,
  type Head,
  type Member,
  type Membership,
  type MembershipEntry,
} from '@sotto/crypto';
import * as z from 'zod/mini';
import { sameBytes } from '../account/records.ts';
import { ClientError } from '../errors.ts';
import { ConversationRecord, type GroupRecord } from '../messages/conversation-record.ts';
import type { MembershipChange, MembershipItem } from '../messages/history-item.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord, entriesUnder, getRecord, putRecord } from '../store/stored-record.ts';

/** An entry that was verified. */
export const LoggedEntry = z.object({
  version: z.int().check(z.minimum(1)),
  /** Of the log up to here. */
  hash: bytesOf(32),
  /** Where the platform said that it lies, when it was seen first. */
  seq: Seq,
  entry: bytes({ min: 1, max: MEMBERSHIP_ENTRY_BYTES_MAX }),
});
export type LoggedEntry = z.infer<typeof LoggedEntry>;

/** An entry at its place, with the group after it. */
export interface GroupStep {
  readonly seq: number;
  readonly entry: Uint8Array;
  readonly membership: Membership;
}

/** A group of this store; undefined for what is none. */
export async function getGroup(
  transaction: StoreTransaction,
  conversation: ConversationId,
): Promise<GroupRecord | undefined> {
  const record = await getRecord(transaction, keys.conversation(conversation), ConversationRecord);
  return record?.kind === 'group' ? record : undefined;
}

/** Throws `group.broken` when what the platform shows of a group's members is not what was seen before. */
export function assertSound(conversation: ConversationRecord): void {
  if (conversation.kind !== 'group' || conversation.broken === undefined) return;
  throw new ClientError('group.broken', `nobody knows who is in the group: ${conversation.broken}`);
}

/** Writes a group's record. */
export function putGroup(transaction: StoreTransaction, record: GroupRecord): Promise<void> {
  return putRecord(transaction, keys.conversation(record.id), [ConversationRecord, record]);
}

/** The group as `@sotto/crypto` goes on from it. */
export function membershipOf({
  id,
  head,
  members,
  admins,
  since,
  titleHash,
}: GroupRecord): Membership {
  const roles = new Set(admins);
  return {
    conversation: id,
    head,
    titleHash,
    members: members.map((user, index): Member => {
      return { user, role: roles.has(user) ? 'admin' : 'member', since: since[index]! };
    }),
  };
}

/**
 * Writes an entry that was verified, and gives the record after it, which the caller writes. The title goes when the
 * entry names another one.
 */
export async function logStep(
  transaction: StoreTransaction,
  before: GroupRecord | undefined,
  { seq, entry, membership }: GroupStep,
): Promise<GroupRecord> {
  const { head, titleHash } = membership;
  const id = membership.conversation as ConversationId;
  const logged: LoggedEntry = { ...head, seq, entry };
  await putRecord(transaction, keys.groupEntry(id, head.version), [LoggedEntry, logged]);
  const users = membership.members.map(({ user }) => user as UserId);
  const hasLost = before?.members.some((member) => !users.includes(member));
  const { title, sealedTitle, titleHash: titleBefore, ...kept } = before ?? {};
  const isRenamed = !titleBefore || !titleHash || !sameBytes(titleBefore, titleHash);
  return {
    ...kept,
    id,
    kind: 'group',
    members: users,
    admins: users.filter((_, index) => membership.members[index]!.role === 'admin'),
    since: membership.members.map(({ since }) => since),
    head: { version: head.version, hash: head.hash },
    ...(titleHash && { titleHash }),
    ...(!isRenamed && { title, sealedTitle }),
    ...(hasLost && { isTitleKeySpent: true }),
  };
}

/** An entry's form, and nothing of its truth; undefined when it has none. */
export function decodeEntry(encoded: Uint8Array): MembershipEntry | undefined {
  try {
    return decodeMembershipEntry(encoded).entry;
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}

/** An entry as a history shows it. */
export function itemOf(
  { author, action, version, time }: MembershipEntry,
  conversation: ConversationId,
  { seq, sentAt }: { seq: number; sentAt: z.infer<typeof Timestamp> },
): MembershipItem {
  const user = author?.user as UserId | undefined;
  return {
    type: 'membership',
    conversation,
    seq,
    sentAt,
    version,
    ...(user && { author: user }),
    time,
    change: changeOf(action, user),
  };
}

const PAST = { create: 'created', add: 'added', remove: 'removed' } as const;

function changeOf(action: MembershipEntry['action'], author: UserId | undefined): MembershipChange {
  switch (action.type) {
    case 'create':
    case 'add':
    case 'remove':
      return { type: PAST[action.type], users: action.users as UserId[] };
    case 'leave':
      return { type: 'left', user: author! };
    case 'departed':
      return { type: 'departed', user: action.user as UserId };
    case 'role':
      return { type: 'role', user: action.user as UserId, role: action.role };
    case 'rename':
      return { type: 'renamed' };
  }
}

/**
 * Who was in a group when something took this place: the members whom the entries up to there lead to. Before the first
 * entry that this store has, nobody is known to have been.
 */
export async function membersAt(
  transaction: StoreTransaction,
  record: GroupRecord,
  seq: number,
): Promise<readonly UserId[]> {
  const newest = await getRecord(
    transaction,
    keys.groupEntry(record.id, record.head.version),
    LoggedEntry,
  );
  if (newest !== undefined && newest.seq <= seq) return record.members;
  const members = new Set<UserId>();
  for (const { seq: place, entry } of await decodedLog(transaction, record)) {
    if (place > seq) break;
    follow(members, entry);
  }
  return [...members];
}

interface DecodedStep {
  readonly seq: number;
  readonly entry: MembershipEntry;
}

/** Whoever was away asks for each message that they missed: a log is decoded once in a transaction. */
const decodedLogs = new WeakMap<StoreTransaction, Map<string, readonly DecodedStep[]>>();

async function decodedLog(
  transaction: StoreTransaction,
  { id, head }: GroupRecord,
): Promise<readonly DecodedStep[]> {
  const logs = decodedLogs.get(transaction) ?? new Map<string, readonly DecodedStep[]>();
  decodedLogs.set(transaction, logs);
  const name = `${id}/${head.version}`;
  const known = logs.get(name);
  if (known !== undefined) return known;
  const steps: DecodedStep[] = [];
  for await (const { value } of entriesUnder(transaction, keys.groupEntries(id))) {
    const { seq, entry } = decodeRecord(LoggedEntry, value);
    steps.push({ seq, entry: decodeMembershipEntry(entry).entry });
  }
  logs.set(name, steps);
  return steps;
}

/** Who comes and who goes by an entry that was verified before. */
function follow(members: Set<UserId>, { action, author }: MembershipEntry): void {
  if (action.type === 'create') members.add(author!.user as UserId);
  if (action.type === 'create' || action.type === 'add') {
    for (const user of action.users) members.add(user as UserId);
  }
  if (action.type === 'remove') for (const user of action.users) members.delete(user as UserId);
  if (action.type === 'leave') members.delete(author!.user as UserId);
  if (action.type === 'departed') members.delete(action.user as UserId);
}

/**
 * Holds a head of the log that somebody names against the log of this store: `newer` asks the caller to have it read. Throws
 * `head.forked` when there is another entry in that place: two members are shown two groups.
 */
export async function compareWithLog(
  transaction: StoreTransaction,
  record: GroupRecord,
  head: Head,
): Promise<'known' | 'newer'> {
  if (head.version > record.head.version) return 'newer';
  const key = keys.groupEntry(record.id, head.version);
  const logged = await getRecord(transaction, key, LoggedEntry);
  if (logged && sameBytes(logged.hash, head.hash)) return 'known';
  throw new CryptoError('head.forked', 'two different logs of one group');
}
