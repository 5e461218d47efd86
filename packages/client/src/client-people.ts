/** The part of a client that is about other people, and about what they see of this account. */
import { type ConversationId, getConversation, type UserId } from '@sotto/api';
import type { ClientCore } from './client-core.ts';
import { UPKEEP_MS } from './limits.ts';
import { loadLatePart } from './load-late.ts';
import { ConversationRecord } from './messages/conversation-record.ts';
import { oweReads } from './messages/read-marks.ts';
import { createBlocks } from './people/blocks.ts';
import { findKnownPerson } from './people/known-names.ts';
import { changeProfile, type ProfileChange } from './people/own-profile.ts';
import {
  acceptRequest,
  listPeople,
  listRequests,
  mute,
  readStanding,
  showPresence,
} from './people/people.ts';
import type { PeopleDoor } from './people/people-door.ts';
import { readProfile } from './people/profile.ts';
import { openProfileTo } from './people/profile-audience.ts';
import { shareProfile } from './people/profile-sharing.ts';
import type { Report } from './people/report.ts';
import { keys } from './store/key-space.ts';
import { getRecord } from './store/stored-record.ts';

/** Declining what a group asks is leaving it. */
interface GroupLeaver {
  leave(conversation: ConversationId): Promise<void>;
}

/** What an application calls as `client.people`. */
export function openPeopleDoor(core: ClientCore, groups: GroupLeaver): PeopleDoor {
  const { store, call, provider, clock, events } = core;
  const blocks = createBlocks({ store, call, events });
  const showProfile = shareProfile(core);
  keepBlocks(core, blocks.list);
  return {
    list: (page = {}, options = {}) => listPeople(call, page, options),
    find: (user) => findKnownPerson({ store, call }, user),
    showPresence: (visible: boolean) => showPresence(call, visible),
    block: blocks.add,
    unblock: blocks.remove,
    blocks: blocks.list,
    async requests() {
      const [requests, blocked] = await Promise.all([listRequests(call), blocks.list()]);
      // Who was declined is asked for no more: of two the platform keeps the request, and drops what comes.
      const isOpen = (user: UserId) => !blocked.includes(user);
      return requests.filter(({ kind, members }) => kind === 'group' || members.every(isOpen));
    },
    async accept(conversation: ConversationId) {
      await acceptRequest(call, conversation);
      await store.transaction(async (transaction) => {
        await openProfileTo(transaction, conversation);
        await oweReads(transaction, conversation);
      });
      events.emit('conversation', { conversation });
      core.inBackground(showProfile(conversation));
    },
    async decline(conversation: ConversationId) {
      const { kind, members } = await described(core, conversation);
      if (kind === 'group') return groups.leave(conversation);
      const { address } = (await core.peerDeps()).local;
      for (const user of members) if (user !== address.user) await blocks.add(user);
    },
    mute: (conversation: ConversationId, until: Date | null) => mute(call, conversation, until),
    standing: (conversation: ConversationId) => readStanding(call, conversation),
    async report(report: Report) {
      const { reportPerson } = await loadLatePart();
      return reportPerson(call, report);
    },
    async setProfile(change: ProfileChange) {
      const user = await changeProfile(await core.peerDeps(), change);
      events.emit('profile', { user });
    },
    profile: (user: UserId) => store.transaction((transaction) => readProfile(transaction, user)),
    async openPicture(user: UserId) {
      const { openPicture } = await loadLatePart();
      const transfer = { random: Math.random, closing: core.closing };
      return openPicture({ store, call, provider, clock, ...transfer }, user);
    },
  };
}

/** A conversation as this device knows it; as the platform describes it when nothing of it has come yet. */
async function described({ store, call }: ClientCore, id: ConversationId) {
  const known = await store.transaction((transaction) =>
    getRecord(transaction, keys.conversation(id), ConversationRecord),
  );
  return known ?? call(getConversation, { params: { id } });
}

/** Follows now and then what was blocked on other devices, as long as there is somebody to hide. */
function keepBlocks(core: ClientCore, list: () => Promise<unknown>): void {
  const { store, events, clock } = core;
  let askedAt = Number.NEGATIVE_INFINITY;
  async function ask(): Promise<void> {
    const range = { prefix: keys.profiles, limit: 1 };
    const [any] = await store.transaction((transaction) => transaction.list(range));
    if (any === undefined || clock() - askedAt < UPKEEP_MS) return;
    await list();
    askedAt = clock();
  }
  events.on('connected', () => core.inBackground(ask()));
}
