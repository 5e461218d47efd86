/**
 * A group's membership log, read from the platform and verified (ADR 10): from the first entry when this device hears of
 * the group, later from the newest one that it has. The platform cannot add to it; it can hold back, roll back, or show
 * different ends to different members. What it shows once stays: anything else makes the group `broken`.
 */
import { type Conversation, type ConversationId, listMembership } from '@sotto/api';
import { applyMembershipEntry, CryptoError, decodeMembershipEntry } from '@sotto/crypto';
import { Cursor } from '../account/records.ts';
import { ClientError } from '../errors.ts';
import { MEMBERSHIP_ATTEMPTS_MAX } from '../limits.ts';
import type { GroupRecord } from '../messages/conversation-record.ts';
import {
  getBegun,
  joinsLate,
  keepMembership,
  readCursor,
  writeCursor,
} from '../messages/conversations.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord } from '../store/stored-record.ts';
import { findAuthors, type GroupDeps } from './group-authors.ts';
import { type GroupStep, getGroup, itemOf, logStep, membershipOf, putGroup } from './group-log.ts';
import { takeTitle } from './group-title.ts';

/** What stands against a log until a person has decided, but for what passes when a contact's identity is accepted. */
export const PASSING = 'identity.changed';

interface Asked {
  /** What the platform says of the group otherwise, when it was asked. */
  readonly answer?: Conversation;
  /** The account is in it no more: that nothing of its log is sound was told while it was. */
  readonly isLeft?: boolean;
}

/**
 * Reads a group's log on from what this device has of it, or from its first entry. Gives the group as it is then; undefined
 * when the log is refused from the first entry on. An event `group-broken` has told of anything that does not fit. Throws
 * what calls throw, `conversation.not-found` among it.
 */
export async function readGroup(
  deps: GroupDeps,
  id: ConversationId,
  { answer, isLeft = false }: Asked = {},
): Promise<GroupRecord | undefined> {
  for (let attempt = 0; attempt < MEMBERSHIP_ATTEMPTS_MAX; attempt++) {
    const known = await deps.store.transaction((transaction) => getGroup(transaction, id));
    const isSettled = known?.broken !== undefined && known.broken !== PASSING;
    if (isSettled) return known;
    const reading = await readOn(deps, id, known);
    const outcome = await deps.store.transaction((transaction) =>
      keepReading(deps, transaction, { id, known, reading, answer }),
    );
    // Slots bring entries too: what was read meanwhile is read on from there.
    if (outcome === 'moved') continue;
    const isNews = outcome?.broken !== known?.broken || reading.steps.length > 0;
    if (reading.cause !== undefined && (isNews || (outcome === undefined && !isLeft))) {
      deps.events.emit('group-broken', { conversation: id, cause: reading.cause });
    }
    if (isNews) deps.events.emit('conversation', { conversation: id });
    return outcome;
  }
  throw new ClientError('group.busy', 'the group changes faster than it can be read');
}

/** Entries in their order, all of them verified; with a cause when the next one, or their end, is refused. */
interface Reading {
  readonly steps: readonly GroupStep[];
  /** The code of the `CryptoError`. */
  readonly cause?: string;
}

/** Reads entries behind what is known; from the first one when nothing is. Throws what calls throw. */
export async function readOn(
  deps: GroupDeps,
  id: ConversationId,
  known: GroupRecord | undefined,
): Promise<Reading> {
  const steps: GroupStep[] = [];
  let membership = known && membershipOf(known);
  const isReplay = known === undefined;
  try {
    for (;;) {
      const after = membership?.head.version ?? 0;
      const page = await deps.call(listMembership, { params: { id }, query: { after } });
      if (page.version < after) throw new CryptoError('head.rolled-back', 'a log that was longer');
      const isAuthor = await findAuthors(
        deps,
        page.entries.map(({ entry }) => entry),
        { isReplay },
      );
      for (const { seq, entry } of page.entries) {
        membership = applyMembershipEntry(deps.provider, membership, { encoded: entry, isAuthor });
        if (membership.conversation !== id) throw new CryptoError('log.refused', 'another group');
        steps.push({ seq, entry, membership });
      }
      const newest = membership?.head.version ?? 0;
      if (newest >= page.version && membership !== undefined) return { steps };
      if (newest === after) throw new CryptoError('log.gap', 'the log ends before its end');
    }
  } catch (error) {
    if (error instanceof CryptoError) return { steps, cause: error.code };
    throw error;
  }
}

interface Kept {
  readonly id: ConversationId;
  readonly known: GroupRecord | undefined;
  readonly reading: Reading;
  readonly answer: Conversation | undefined;
}

async function keepReading(
  deps: GroupDeps,
  transaction: StoreTransaction,
  { id, known, reading, answer }: Kept,
): Promise<GroupRecord | undefined | 'moved'> {
  const now = await getGroup(transaction, id);
  if (now?.head.version !== known?.head.version) return 'moved';
  let record = now;
  for (const step of reading.steps) record = await logStep(transaction, record, step);
  if (record === undefined) return undefined;
  const { broken, ...sound } = record;
  // What a slot has proved meanwhile is not taken back by a log that looks well.
  const cause = broken === undefined || broken === PASSING ? reading.cause : broken;
  record = cause === undefined ? sound : { ...sound, broken: cause };
  if (answer?.title !== undefined) record = takeTitle(deps.provider, record, answer.title);
  record = await begin(transaction, record, answer);
  if (known !== undefined) await showPassed(deps, transaction, { id, steps: reading.steps });
  await putGroup(transaction, record);
  return record;
}

/** Where a device that hears of a group for the first time begins to read. */
async function begin(
  transaction: StoreTransaction,
  record: GroupRecord,
  answer: Conversation | undefined,
): Promise<GroupRecord> {
  const { id } = record;
  if (await getBegun(transaction, id)) return record;
  // That it was passed over stays noted until it is read up to the platform's cursor.
  const passed = (await getRecord(transaction, keys.passedOver(id), Cursor))?.seq;
  if (answer === undefined) {
    // It was left before it could be judged: what came until then is still to be read.
    if (passed !== undefined) await writeCursor(transaction, id, passed);
    return record;
  }
  const { first, last, cursor } = answer;
  const isLate = await joinsLate(transaction);
  if ((await transaction.get(keys.cursor(id))) === undefined) {
    const from = Math.min(cursor, passed ?? (isLate ? cursor : 0));
    await writeCursor(transaction, id, Math.max(from, first - 1));
  }
  return isLate ? { ...record, quietUpTo: last } : record;
}

/** Entries whose places were passed while nobody knew what to make of them. */
async function showPassed(
  { clock }: GroupDeps,
  transaction: StoreTransaction,
  { id, steps }: { id: ConversationId; steps: readonly GroupStep[] },
): Promise<void> {
  const cursor = await readCursor(transaction, id);
  for (const { seq, entry } of steps) {
    if (seq > cursor || (await transaction.get(keys.message(id, seq))) !== undefined) continue;
    const decoded = decodeMembershipEntry(entry).entry;
    const sentAt = new Date(clock()).toISOString();
    await keepMembership(transaction, itemOf(decoded, id, { seq, sentAt }));
  }
}
