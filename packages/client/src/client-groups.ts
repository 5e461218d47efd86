/** The part of a client that is about groups: who is in them, and what they are called. */
import type { ConversationId, UserId } from '@sotto/api';
import type { MemberRole } from '@sotto/crypto';
import type { ClientCore } from './client-core.ts';
import type { Abortable } from './connection/heeding.ts';
import { ClientError } from './errors.ts';
import { giveTitleKeys } from './groups/group-title.ts';
import { loadLatePart } from './load-late.ts';
import type { GroupRecord } from './messages/conversation-record.ts';
import { needConversation } from './messages/find-conversation.ts';

/** A group to be founded. */
export interface NewGroup {
  /** The others: at most 199. */
  readonly members: readonly UserId[];
  /** At most 511 bytes of UTF-8. The platform does not learn it. */
  readonly title?: string;
}

/** Somebody in a group. */
export interface GroupMember {
  readonly user: UserId;
  readonly role: MemberRole;
}

/**
 * Groups. Admins change them; the one who founds a group is its first. What is so already changes nothing, so everything
 * but `create` may be repeated after a lost answer. All reject with `group.refused` for what this account may not do,
 * `group.broken`, `conversation.left`, `conversation.unknown`, and `group.busy` when others were faster each time.
 */
export interface GroupsDoor {
  /**
   * Founds a group. Rejects with `conversation.member-unknown` when a member is no user. When only giving it a title
   * fails, the group is there without one.
   */
  create(group: NewGroup, options?: Abortable): Promise<GroupRecord>;
  add(conversation: ConversationId, users: readonly UserId[], options?: Abortable): Promise<void>;
  /** Removes others; one goes oneself by `leave`. */
  remove(
    conversation: ConversationId,
    users: readonly UserId[],
    options?: Abortable,
  ): Promise<void>;
  /** Goes. What was said stays readable here; when no admin is left, the eldest member becomes one. */
  leave(conversation: ConversationId, options?: Abortable): Promise<void>;
  setRole(
    conversation: ConversationId,
    user: UserId,
    role: MemberRole,
    options?: Abortable,
  ): Promise<void>;
  /** Rejects with `content.invalid` for a title that is empty or too long. */
  rename(conversation: ConversationId, title: string, options?: Abortable): Promise<void>;
  /** Who is in a group, the eldest first. */
  members(conversation: ConversationId, options?: Abortable): Promise<GroupMember[]>;
  /**
   * Goes on after `group-broken`: forgets what was seen of the group's log, and takes it as the platform shows it now.
   * For when the members have told each other, by another way, who is in the group.
   */
  acceptLog(conversation: ConversationId, options?: Abortable): Promise<void>;
}

/** What an application calls about groups. */
export function openGroupsDoor(core: ClientCore): GroupsDoor {
  return {
    async create({ members, title }) {
      const { foundGroup } = await loadLatePart();
      const founded = await foundGroup(await core.groupDeps(), members);
      if (title === undefined) return founded;
      await rename(core, founded.id, title);
      return needGroup(core, founded.id);
    },
    async add(conversation, users) {
      const { addMembers } = await loadLatePart();
      await addMembers(await core.groupDeps(), conversation, users);
      core.inBackground(giveKeys(core, conversation));
      core.wake(conversation);
    },
    async remove(conversation, users) {
      const { removeMembers } = await loadLatePart();
      await removeMembers(await core.groupDeps(), conversation, users);
      core.wake(conversation);
    },
    async leave(conversation) {
      const { leaveGroup } = await loadLatePart();
      await leaveGroup(await core.groupDeps(), conversation);
    },
    async setRole(conversation, user, role) {
      const { setMemberRole } = await loadLatePart();
      await setMemberRole(await core.groupDeps(), conversation, { user, role });
    },
    rename: (conversation, title) => rename(core, conversation, title),
    async members(conversation) {
      const { members, admins } = await needGroup(core, conversation);
      return members.map((user) => ({ user, role: admins.includes(user) ? 'admin' : 'member' }));
    },
    async acceptLog(conversation) {
      const { readGroupAnew } = await loadLatePart();
      await readGroupAnew(await core.groupDeps(), conversation);
      core.wake();
    },
  };
}

async function rename(core: ClientCore, id: ConversationId, title: string): Promise<void> {
  const { renameGroup } = await loadLatePart();
  await renameGroup(await core.groupDeps(), id, title);
  core.inBackground(giveKeys(core, id));
}

/** Who is to have the key of the title gets it when there is time: sessions with them may have to be made. */
async function giveKeys(core: ClientCore, id: ConversationId): Promise<void> {
  if (await giveTitleKeys(await core.groupDeps(), id)) core.wake(id);
}

async function needGroup(core: ClientCore, id: ConversationId): Promise<GroupRecord> {
  const record = await needConversation(await core.groupDeps(), id);
  if (record.kind === 'group') return record;
  throw new ClientError('conversation.unknown', 'the conversation is not a group');
}
