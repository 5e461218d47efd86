/**
 * Changes to groups: each is an entry that this account signs behind the newest one (ADR 10). When another one came
 * first, the log is read on, and what is still to be done is signed anew.
 */
import {
  type Answer,
  ConversationId,
  changeMembership,
  createConversation,
  type UserId,
} from '@sotto/api';
import {
  CryptoError,
  createMembershipLog,
  type LocalParty,
  type MemberRole,
  type MembershipAction,
  type MembershipStep,
  makeGroupTitleKey,
  sealGroupTitle,
  signMembershipEntry,
} from '@sotto/crypto';
import { backOffMs, pause } from '../connection/back-off.ts';
import { ClientError, ConnectionError, isProblem } from '../errors.ts';
import { MEMBERSHIP_ATTEMPTS_MAX } from '../limits.ts';
import type { GroupRecord } from '../messages/conversation-record.ts';
import { writeCursor } from '../messages/conversations.ts';
import { needConversation } from '../messages/find-conversation.ts';
import { makeMessageId } from '../messages/message-id.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord } from '../store/stored-record.ts';
import type { GroupDeps } from './group-authors.ts';
import {
  assertSound,
  getGroup,
  LoggedEntry,
  logStep,
  membershipOf,
  putGroup,
} from './group-log.ts';
import { readGroup } from './group-reading.ts';
import { oweTitleKey, takeTitle, takeTitleKey } from './group-title.ts';

/** What founding and changing needs besides. */
export interface GroupChangeDeps extends GroupDeps {
  /** Aborted when the client closes. */
  readonly signal: AbortSignal;
  readonly random: () => number;
}

/**
 * Founds a group of this account and others. Throws `group.refused` for too many members, and what calls throw,
 * `conversation.member-unknown` among it.
 */
export async function foundGroup(
  deps: GroupChangeDeps,
  members: readonly UserId[],
): Promise<GroupRecord> {
  const { provider, clock, local, store, events } = deps;
  const time = clock();
  const conversation = ConversationId.parse(makeMessageId(provider, time));
  const users = [...new Set(members)].filter((user) => user !== local.address.user);
  const step = ruled(() =>
    createMembershipLog(provider, authorOf(local), { conversation, time, users }),
  );
  const { first } = await send(deps, step.encoded);
  const record = await store.transaction(async (transaction) => {
    const known = await getGroup(transaction, conversation);
    if (known !== undefined) return known; // Its slot was faster.
    const founded = await logStep(transaction, undefined, { ...placed(step), seq: first });
    await putGroup(transaction, founded);
    await writeCursor(transaction, conversation, first - 1);
    return founded;
  });
  events.emit('conversation', { conversation });
  return record;
}

/** Sends the entry until there is an answer: another one would found another group. */
async function send(
  { call, random, signal }: GroupChangeDeps,
  entry: Uint8Array,
): Promise<Answer<typeof createConversation>> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call(createConversation, { body: { kind: 'group', entry } });
    } catch (error) {
      const isLost = error instanceof ConnectionError && !signal.aborted;
      if (!isLost || attempt >= MEMBERSHIP_ATTEMPTS_MAX) throw error;
      await pause(backOffMs(attempt, random()), signal);
    }
  }
}

/** Adds users; those who are members already change nothing. */
export async function addMembers(
  deps: GroupChangeDeps,
  id: ConversationId,
  users: readonly UserId[],
): Promise<void> {
  await change(deps, id, ({ members }) => {
    const added = [...new Set(users)].filter((user) => !members.includes(user));
    if (added.length === 0) return undefined;
    return {
      action: { type: 'add', users: added },
      settle: async (transaction, { titleKey: key }) => {
        if (key !== undefined) await oweTitleKey(transaction, id, { key, users: added });
      },
    };
  });
}

/** Removes users; those who are no members change nothing. One goes oneself by {@link leaveGroup}. */
export async function removeMembers(
  deps: GroupChangeDeps,
  id: ConversationId,
  users: readonly UserId[],
): Promise<void> {
  await change(deps, id, ({ members }) => {
    const removed = [...new Set(users)].filter((user) => members.includes(user));
    return removed.length === 0 ? undefined : { action: { type: 'remove', users: removed } };
  });
}

/** Makes a member an admin, or an admin a member. */
export async function setMemberRole(
  deps: GroupChangeDeps,
  id: ConversationId,
  { user, role }: { user: UserId; role: MemberRole },
): Promise<void> {
  await change(deps, id, ({ admins, members }) => {
    const isSo = members.includes(user) && admins.includes(user) === (role === 'admin');
    return isSo ? undefined : { action: { type: 'role', user, role } };
  });
}

/** Goes out of a group; nothing happens when this account has gone already. */
export async function leaveGroup(deps: GroupChangeDeps, id: ConversationId): Promise<void> {
  try {
    await change(deps, id, () => ({ action: { type: 'leave' } }));
  } catch (error) {
    if (!(error instanceof ClientError && error.code === 'conversation.left')) throw error;
  }
}

/**
 * Gives a group another title: under the key that its members have, or under another one when somebody who has that has
 * gone. Throws `content.invalid` for a title that is empty or longer than 511 bytes of UTF-8.
 */
export async function renameGroup(
  deps: GroupChangeDeps,
  id: ConversationId,
  title: string,
): Promise<void> {
  const { provider, store } = deps;
  await change(deps, id, async ({ titleKey, isTitleKeySpent, members }) => {
    const kept = isTitleKeySpent ? undefined : titleKey;
    // Another one each time: who was there at the last attempt may have been given that one, and have gone.
    const key = kept ?? makeGroupTitleKey(provider);
    const sealed = sealTitle(deps, { key, conversation: id }, title);
    if (kept === undefined) {
      // Before the title is anywhere: nobody could read it, should this program end now.
      await store.transaction(async (transaction) => {
        const record = await getGroup(transaction, id);
        if (record) await putGroup(transaction, takeTitleKey(provider, record, key));
        await oweTitleKey(transaction, id, { key, users: members });
      });
    }
    return { action: { type: 'rename', titleHash: provider.sha256(sealed) }, title: sealed };
  });
}

/** What is to be done to a group, by an entry behind the newest one that this device has. */
interface Change {
  readonly action: MembershipAction;
  /** With a `rename`: the ciphertext. */
  readonly title?: Uint8Array;
  /** What follows in the store, together with the entry. */
  readonly settle?: (transaction: StoreTransaction, record: GroupRecord) => Promise<void>;
}

/**
 * Makes a change, which may be another one, or none, each time that the group was found to be another one than it was.
 * Throws `conversation.unknown` for no group, `conversation.left`, `group.broken`, `group.refused`, `group.busy` when
 * others are always faster, and what calls throw.
 */
async function change(
  deps: GroupChangeDeps,
  id: ConversationId,
  decide: (record: GroupRecord) => Change | undefined | Promise<Change | undefined>,
): Promise<void> {
  const { provider, local, clock, call } = deps;
  for (let attempt = 0; attempt < MEMBERSHIP_ATTEMPTS_MAX; attempt++) {
    const record = await needGroup(deps, id);
    const decided = await decide(record);
    if (decided === undefined) return;
    const { action, title } = decided;
    const input = { author: authorOf(local), membership: membershipOf(record) };
    const step = ruled(() => signMembershipEntry(provider, input, { action, time: clock() }));
    const body = { entry: step.encoded, ...(title && { title }) };
    try {
      const { seq } = await call(changeMembership, { params: { id }, body });
      return await keepChange(deps, decided, { ...placed(step), seq });
    } catch (error) {
      if (!isProblem(error, 'conversation.version-conflict')) throw error;
      await readGroup(deps, id);
    }
  }
  throw new ClientError('group.busy', 'others change the group all the time');
}

/** A group that this account may change. */
async function needGroup(deps: GroupDeps, id: ConversationId): Promise<GroupRecord> {
  const record = await needConversation(deps, id);
  if (record.kind !== 'group') {
    throw new ClientError('conversation.unknown', 'the conversation is not a group');
  }
  assertSound(record);
  if (record.members.includes(deps.local.address.user as UserId)) return record;
  throw new ClientError('conversation.left', 'this account is not in the group any more');
}

/** Takes down an entry that the platform has stored, unless its slot was faster. */
async function keepChange(
  { store, provider, events }: GroupChangeDeps,
  { title, settle }: Change,
  {
    entry,
    seq,
    membership,
  }: { entry: Uint8Array; seq: number; membership: MembershipStep['membership'] },
): Promise<void> {
  const id = membership.conversation as ConversationId;
  await store.transaction(async (transaction) => {
    let record = await getGroup(transaction, id);
    if (record === undefined) return;
    const { version } = membership.head;
    const logged = await getRecord(transaction, keys.groupEntry(id, version), LoggedEntry);
    if (logged === undefined && record.head.version === version - 1) {
      record = await logStep(transaction, record, { entry, seq, membership });
    }
    if (title !== undefined) record = takeTitle(provider, record, title);
    await putGroup(transaction, record);
    await settle?.(transaction, record);
  });
  events.emit('conversation', { conversation: id });
}

function placed({ encoded, membership }: MembershipStep) {
  return { entry: encoded, membership };
}

function authorOf({ address: { user }, identity }: LocalParty) {
  return { user, identity };
}

function sealTitle(
  { provider }: GroupDeps,
  input: { key: Uint8Array; conversation: ConversationId },
  title: string,
): Uint8Array {
  try {
    return sealGroupTitle(provider, input, title);
  } catch (cause) {
    throw new ClientError('content.invalid', 'a title has 1 to 511 bytes', { cause });
  }
}

/** Runs what makes an entry; what the rules of groups forbid is no fault of a key or of the platform. */
function ruled(make: () => MembershipStep): MembershipStep {
  try {
    return make();
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause;
    throw new ClientError('group.refused', cause.message, { cause });
  }
}
