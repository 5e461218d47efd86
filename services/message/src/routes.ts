/** Each endpoint of the message service to one call of its domain. */
import {
  type Address,
  ApiError,
  acceptConversation,
  acknowledgeMessage,
  announcePresence,
  blockUser,
  changeMembership as changeMembershipEndpoint,
  createConversation,
  getConversation as getConversationEndpoint,
  getPushKey,
  getUser,
  inbox,
  listBlocks,
  listConversations as listConversationsEndpoint,
  listMembership as listMembershipEndpoint,
  listMessages,
  muteConversation,
  type OutgoingMessage,
  openSocketTicket,
  reportUser,
  SOCKET_TICKET_SECONDS,
  type Stored,
  searchUsers,
  sendMessage,
  setPresence,
  subscribePush,
  unblockUser,
  unsubscribePush,
} from '@sotto/api';
import { applyDeviceList, countMembers, exportMessages, findMembership } from '@sotto/api/internal';
import {
  type App,
  type AuditCounts,
  type Caller,
  type Clock,
  type Database,
  type Guards,
  mount,
} from '@sotto/runtime';
import { findBlocked } from './block-store.ts';
import { block, unblock } from './blocks.ts';
import type { Committer } from './committer.ts';
import { countMembers as countMembersOf, isMember } from './conversation-store.ts';
import {
  type ConversationsDeps,
  getConversation,
  listConversations,
  openDirect,
  openGroup,
} from './conversations.ts';
import { storeDeviceList } from './copy-store.ts';
import type { Cursors } from './cursors.ts';
import type { Directory } from './directory.ts';
import type { Events } from './events.ts';
import { exportUser } from './export.ts';
import { acknowledge, readHistory, readUnacknowledged, type UserReader } from './history.ts';
import type { Incarnation } from './incarnation.ts';
import type { Live } from './live.ts';
import { changeMembership, listMembership, type MembershipDeps } from './membership.ts';
import { accept, mute } from './own-membership.ts';
import { deviceBytes } from './packed-recipients.ts';
import type { Push } from './push.ts';
import type { Report } from './reports.ts';
import type { Tables } from './schema.ts';
import { makeSend } from './send.ts';
import type { Tickets } from './socket-ticket.ts';

export interface RoutesDeps {
  database: Pick<Database<Tables>, 'query' | 'pool'>;
  copies: ConversationsDeps['copies'] & MembershipDeps['copies'];
  audiences: MembershipDeps['audiences'];
  spread: MembershipDeps['spread'];
  membershipLimit: MembershipDeps['membershipLimit'];
  outbox: ConversationsDeps['outbox'];
  cursors: Cursors;
  clock: Clock;
  committer: Pick<Committer, 'submit'>;
  events: Pick<Events, 'refused'>;
  counts: Pick<AuditCounts, 'note'>;
  tickets: Tickets;
  incarnation: Incarnation;
  directory: Directory;
  report: Report;
  push: Push;
  live: Pick<Live, 'announce' | 'show' | 'changeRelations' | 'noteDelivered'>;
}

/** Mounts everything. */
export function mountRoutes(app: App, guards: Guards, deps: RoutesDeps): void {
  const { database, incarnation, tickets } = deps;
  mount(app, guards, createConversation, ({ body, caller }) => {
    if (body.kind === 'direct') return openDirect(deps, readerOf(caller), body.with);
    return openGroup(deps, readerOf(caller), body.entry);
  });
  mount(app, guards, changeMembershipEndpoint, ({ params, body, caller }) =>
    changeMembership(deps, caller, { conversation: params.id, ...body }),
  );
  mount(app, guards, listMembershipEndpoint, ({ params, query, caller }) =>
    listMembership(deps, { conversation: params.id, user: caller.user }, query),
  );
  mount(app, guards, listConversationsEndpoint, async ({ query, caller }) => {
    const page = { after: query.after, limit: query.limit };
    const conversations = await listConversations(deps, readerOf(caller), page);
    return { incarnation: await incarnation(), conversations };
  });
  mount(app, guards, getConversationEndpoint, ({ params, caller }) =>
    getConversation(deps, readerOf(caller), params.id),
  );
  mount(app, guards, listMessages, async ({ params, query, caller }) => {
    const input = { conversation: params.id, query };
    const history = await readHistory(deps, readerOf(caller), input);
    countFetched(deps, caller, history.slots);
    return { incarnation: await incarnation(), ...history };
  });
  mount(app, guards, sendMessage, async ({ body, caller }) => {
    try {
      return await send(deps, body, caller);
    } catch (error) {
      // To look for a conversation that is not the caller's costs what any other request does.
      const isStrange = error instanceof ApiError && error.code === 'conversation.not-found';
      if (isStrange) await guards.userLimit.take(caller.user);
      throw error;
    }
  });
  mount(app, guards, inbox, async ({ query, caller }) => {
    const messages = await readUnacknowledged(deps, readerOf(caller), query.limit);
    countFetched(deps, caller, messages);
    return { incarnation: await incarnation(), messages };
  });
  mount(app, guards, acknowledgeMessage, ({ params, caller }) =>
    acknowledge(deps, readerOf(caller), params.id),
  );
  mountPeople(app, guards, deps);
  mountPush(app, guards, deps);
  mount(app, guards, openSocketTicket, async ({ caller }) => ({
    ticket: await tickets.issue(caller),
    expiresIn: SOCKET_TICKET_SECONDS,
  }));
  mount(app, guards, exportMessages, ({ params }) => exportUser(database, params.user_id));
  // Commits compare with this copy, on every node: each statement that writes messages reads it anew.
  mount(app, guards, applyDeviceList, ({ body }) => storeDeviceList(database, body));
  mount(app, guards, findMembership, async ({ params }) => ({
    member: await isMember(database.query, params.conversation_id, params.user_id),
  }));
  mount(app, guards, countMembers, async ({ params }) => ({
    members: await countMembersOf(database.query, params.conversation_id),
  }));
}

/** Other people, and what a user decides about conversations with them. */
function mountPeople(app: App, guards: Guards, deps: RoutesDeps): void {
  const { database, directory, live } = deps;
  mount(app, guards, searchUsers, async ({ query, caller }) => ({
    users: await directory.search(caller.user, query),
  }));
  mount(app, guards, getUser, ({ params, caller }) => directory.get(caller.user, params.user_id));
  mount(app, guards, announcePresence, ({ caller }) => live.announce(caller.user));
  mount(app, guards, setPresence, ({ body, caller }) => live.show(caller.user, body.visible));
  mount(app, guards, listBlocks, async ({ caller }) => ({
    users: await findBlocked(database, caller.user),
  }));
  mount(app, guards, blockUser, ({ params, caller }) => block(deps, caller.user, params.user_id));
  mount(app, guards, unblockUser, ({ params, caller }) =>
    unblock(deps, caller.user, params.user_id),
  );
  mount(app, guards, reportUser, async ({ body, caller }) => ({
    report: await deps.report(caller, body),
  }));
  mount(app, guards, acceptConversation, async ({ params, caller: { user } }) => {
    await accept(database, { user, conversation: params.id });
    live.changeRelations({ users: [user], conversation: params.id });
  });
  mount(app, guards, muteConversation, ({ params, body, caller }) =>
    mute(database, { user: caller.user, conversation: params.id }, body.until),
  );
}

function mountPush(app: App, guards: Guards, { push }: Pick<RoutesDeps, 'push'>): void {
  mount(app, guards, getPushKey, async () => ({ key: push.key() }));
  mount(app, guards, subscribePush, ({ body, caller: { user, device } }) =>
    push.subscribe({ user, device }, body.endpoint),
  );
  mount(app, guards, unsubscribePush, ({ caller }) => push.unsubscribe(caller.device));
}

/** Of an answer only what is a message counts: an empty slot tells nothing. */
function countFetched(
  { counts }: Pick<RoutesDeps, 'counts'>,
  caller: Address,
  slots: readonly { type?: string }[],
): void {
  const fetched = slots.filter(({ type = 'message' }) => type === 'message').length;
  if (fetched > 0) counts.note('messages.fetched', caller, fetched);
}

function readerOf({ user, device }: Caller): UserReader {
  return { user, device, bytes: deviceBytes(device) };
}

/** A request is a lane of its own: nothing was sent before it. */
function send(
  { committer, events }: Pick<RoutesDeps, 'committer' | 'events'>,
  message: OutgoingMessage,
  { user, device }: Address,
): Promise<Stored> {
  return new Promise((resolve, reject) => {
    const answer = {
      onStored: resolve,
      onRefused(error: ApiError) {
        events.refused(error.code);
        reject(error);
      },
    };
    committer.submit(
      makeSend({ message, sender: { user, device }, lane: { pending: new Set() }, answer }),
    );
  });
}
