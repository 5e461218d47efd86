/** Every query of the message service, by the module that has it, as the service makes it. */
import { randomUUID } from 'node:crypto';
import { DeviceId, type UserId } from '@sotto/api';
import * as acquaintances from '../src/acquaintance-store.ts';
import * as circles from '../src/circle-store.ts';
import * as commits from '../src/commit-store.ts';
import * as conversations from '../src/conversation-store.ts';
import * as copies from '../src/copy-store.ts';
import * as cursors from '../src/cursor-store.ts';
import { exportUser } from '../src/export.ts';
import * as history from '../src/history-store.ts';
import * as entries from '../src/membership-entry-store.ts';
import * as memberships from '../src/membership-store.ts';
import * as outbox from '../src/outbox-store.ts';
import { accept, mute } from '../src/own-membership.ts';
import {
  erasureQueries,
  peopleQueries,
  presenceQueries,
  pushQueries,
  retentionQueries,
} from './plan-rows-people.ts';
import type { Queries, World } from './plan-world.ts';

/** By module and name. What changes rows of the sample is undone. */
export function queriesOf(world: World): Queries {
  return {
    ...conversationQueries(world),
    ...groupQueries(world),
    ...messageQueries(world),
    ...peopleQueries(world),
    ...presenceQueries(world),
    ...pushQueries(world),
    ...accountQueries(world),
    ...erasureQueries(world),
    ...retentionQueries(world),
  };
}

function conversationQueries({
  database,
  query,
  user,
  other,
  conversation,
  group,
  who,
  places,
}: World): Queries {
  return {
    'acquaintance-store': {
      findAcquaintances: [
        'conversation_members_pkey conversation_members_user',
        () => acquaintances.findAcquaintances(database, user),
      ],
      findMet: [
        'conversation_members_user',
        () => acquaintances.findMet(database, user, { others: [other], conversation }),
      ],
      findStrangers: [
        'conversation_members_pkey conversation_members_user',
        () => acquaintances.findStrangers(query, user, [other]),
      ],
    },
    'circle-store': {
      findCircles: [
        'blocks_pkey conversation_members_pkey',
        () => circles.findCircles(database, [conversation, group]),
      ],
      findSenders: ['messages_pkey', () => circles.findSenders(database, [places])],
    },
    'conversation-store': {
      findRoom: [
        'blocks_pkey conversation_members_pkey conversations_pkey',
        () => conversations.findRoom(query, group),
      ],
      findDeviceLists: [
        'device_lists_pkey',
        () => conversations.findDeviceLists(query, [user, other]),
      ],
      openDirect: [
        'conversations_pair',
        () => conversations.openDirect(query, [other, user].sort() as [UserId, UserId], group),
      ],
      isMember: [
        'conversation_members_user',
        () => conversations.isMember(query, conversation, user),
      ],
      countMembers: [
        'conversation_members_pkey',
        () => conversations.countMembers(query, conversation),
      ],
      findPosition: [
        'conversation_members_user conversations_pkey cursors_pkey',
        () => conversations.findPosition(database, who, conversation),
      ],
      findBehind: [
        'conversation_members_user conversations_pkey cursors_pkey',
        () => conversations.findBehind(database, who, undefined),
      ],
      findConversations: [
        'conversation_members_pkey conversation_members_user conversations_pkey cursors_pkey',
        async () => {
          await conversations.findConversations(database, who, { id: conversation });
          await conversations.findConversations(database, who, { after: undefined, limit: 100 });
        },
      ],
    },
    'own-membership': {
      accept: ['conversation_members_user', () => accept(database, { user, conversation })],
      mute: ['conversation_members_user', () => mute(database, { user, conversation }, null)],
    },
  };
}

function groupQueries({ query, user, group, who, step, undone }: World): Queries {
  return {
    'membership-store': {
      findMembership: [
        'conversation_members_pkey conversations_pkey',
        () => memberships.findMembership(query, group),
      ],
      findEntry: ['membership_log_pkey', () => memberships.findEntry(query, group, 3)],
      insertGroup: [
        '',
        undone((transaction) => memberships.insertGroup(transaction, step.after, group)),
      ],
      lockGroup: [
        'conversations_pkey',
        undone((transaction) => memberships.lockGroup(transaction, step.after, group)),
      ],
      readLog: [
        'conversation_members_user conversations_pkey membership_log_pkey',
        () => memberships.readLog(query, { conversation: group, user }, { after: 2, limit: 5 }),
      ],
    },
    'membership-entry-store': {
      writeEntry: [
        'blocks_pkey conversation_members_pkey conversation_members_user conversations_pkey',
        undone((transaction) => entries.writeEntry(transaction, { step: step, author: who })),
      ],
    },
  };
}

function messageQueries({
  database,
  device,
  conversation,
  id,
  seq,
  who,
  places,
  room,
  message,
  committing,
  undone,
}: World): Queries {
  return {
    'commit-store': {
      lockRooms: ['conversations_pkey', committing(() => commits.lockRooms([room]))],
      writeMessages: [
        'conversation_members_pkey conversations_pkey device_lists_pkey',
        committing(() => commits.writeMessages([room], [message])),
      ],
      findIds: ['message_ids_key', committing(() => commits.findIds([message]))],
    },
    'history-store': {
      readForwards: ['messages_pkey', () => history.readForwards(database, places)],
      readBackwards: ['messages_pkey', () => history.readBackwards(database, places)],
      readInbox: [
        'conversation_members_user conversations_pkey cursors_pkey messages_pkey',
        () => history.readInbox(database, who, 100),
      ],
      findOwnId: ['message_ids_key', () => history.findOwnId(database, device, id)],
      findReadable: [
        'conversation_members_user cursors_pkey message_ids_key',
        () => history.findReadable(database, who, id),
      ],
    },
    'cursor-store': {
      writeCursors: ['', () => cursors.writeCursors(database, [{ device, conversation, seq }])],
      addSent: ['', () => cursors.addSent(database, [{ device, count: 1 }])],
      readMarks: [
        'cursors_pkey sent_counts_pkey',
        () => cursors.readMarks(database, device, { after: undefined, limit: 100 }),
      ],
      deleteCursors: [
        'cursors_pkey sent_counts_pkey',
        () => cursors.deleteCursors(database, DeviceId.parse(randomUUID())),
      ],
      removeCursors: [
        'cursors_pkey',
        undone((transaction) => cursors.removeCursors(transaction, [device])),
      ],
      removeCursorsIn: [
        'cursors_pkey',
        undone((transaction) => cursors.removeCursorsIn(transaction, conversation)),
      ],
      removeSent: [
        'sent_counts_pkey',
        undone((transaction) => cursors.removeSent(transaction, [device])),
      ],
    },
    'outbox-store': {
      deletePublished: ['fanout_outbox_pkey', () => outbox.deletePublished(database, [1, 2, 3])],
      sweepRows: ['fanout_outbox_pkey', () => outbox.sweepRows(database, async () => [])],
      collapseRows: ['', () => outbox.collapseRows(database, async () => undefined)],
    },
  };
}

function accountQueries({ database, user, other, who }: World): Queries {
  return {
    'copy-store': {
      storeAccount: [
        'erased_users_pkey',
        () => copies.storeAccount(database, { user, username: 'Somebody' }),
      ],
      hasAccount: ['accounts_pkey', () => copies.hasAccount(database, user)],
      findAccounts: ['accounts_pkey', () => copies.findAccounts(database, [user, other])],
      hasDevice: ['accounts_pkey device_lists_pkey', () => copies.hasDevice(database, who)],
      findUsers: [
        'accounts_folded',
        () => copies.findUsers(database, { prefix: 'user12', after: 'user120', limit: 10 }),
      ],
      findUsernames: ['accounts_pkey', () => copies.findUsernames(database, [user, other])],
      storeDeviceList: [
        'conversation_members_user conversations_pkey cursors_pkey device_lists_pkey erased_users_pkey',
        () =>
          copies.storeDeviceList(database, {
            user,
            version: 2,
            devices: [DeviceId.parse(randomUUID())],
          }),
      ],
    },
    export: {
      exportUser: [
        'accounts_pkey blocks_pkey connections_user conversation_members_user conversations_pkey cursors_pkey device_lists_pkey messages_pkey presence_pkey push_subscriptions_user reports_reporter sent_counts_pkey',
        () => exportUser(database, user),
      ],
    },
  };
}
