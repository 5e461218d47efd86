/** The queries about people, and those that end what is over; see `plan-rows.ts`. */
import { randomUUID } from 'node:crypto';
import { DeviceId } from '@sotto/api';
import { createArrivals } from '../src/arrivals.ts';
import * as blocks from '../src/block-store.ts';
import * as connections from '../src/connection-store.ts';
import * as deafness from '../src/deafness-store.ts';
import * as erasures from '../src/erasure-store.ts';
import { createIncarnation } from '../src/incarnation.ts';
import * as presences from '../src/presence-store.ts';
import * as pushes from '../src/push-store.ts';
import * as reports from '../src/report-store.ts';
import * as retention from '../src/retention-store.ts';
import type { Queries, World } from './plan-world.ts';

export function peopleQueries({ database, query, user, device, other, block }: World): Queries {
  return {
    'block-store': {
      findBlocked: ['blocks_pkey', () => blocks.findBlocked(database, user)],
      findBlockers: ['blocks_pkey', () => blocks.findBlockers(query, user, [other])],
      hasBlocked: ['blocks_pkey', () => blocks.hasBlocked(query, block)],
      insertBlock: ['blocks_pkey erased_users_pkey', () => blocks.insertBlock(database, block)],
      deleteBlock: ['blocks_pkey', () => blocks.deleteBlock(database, block)],
      renewDirect: ['conversations_pair', () => blocks.renewDirect(database, block)],
    },
    'deafness-store': {
      deafen: [
        'conversation_members_user membership_log_pkey',
        () => deafness.deafen(database, block),
      ],
    },
    'report-store': {
      insertReport: [
        'erased_users_pkey',
        () =>
          reports.insertReport(database, {
            ...{
              id: randomUUID(),
              reporter: user,
              device,
              reported: other,
              reason: 'spam',
              messages: [],
            },
          }),
      ],
      listReports: [
        'accounts_pkey reports_made',
        async () => {
          await reports.listReports(query, { all: true, limit: 50 });
          await reports.listReports(query, { all: false, limit: 50 });
        },
      ],
      findReport: ['accounts_pkey reports_pkey', () => reports.findReport(query, randomUUID())],
      closeReport: [
        'reports_pkey',
        () => reports.closeReport(query, { id: randomUUID(), eventId: randomUUID() }),
      ],
      deleteOldReports: ['reports_made reports_pkey', () => reports.deleteOldReports(query)],
    },
    arrivals: { createArrivals: ['', () => createArrivals(database)()] },
    incarnation: { createIncarnation: ['', () => createIncarnation(database, Date.now)()] },
  };
}

export function presenceQueries({
  database,
  user,
  device,
  other,
  otherDevice,
  node,
}: World): Queries {
  return {
    'connection-store': {
      findConnected: [
        'connections_pkey',
        () => connections.findConnected(database, [device, otherDevice]),
      ],
      insertConnections: [
        '',
        () =>
          connections.insertConnections(database, node, [
            { device, user, arrival: Date.now() * 1000 },
          ]),
      ],
      deleteConnections: [
        'connections_pkey erased_users_pkey',
        () => connections.deleteConnections(database, node, [device]),
      ],
      beat: ['nodes_pkey', () => connections.beat(database, node)],
      sweepNodes: ['connections_node', () => connections.sweepNodes(database)],
      deleteNode: ['', () => connections.deleteNode(database, node)],
    },
    'presence-store': {
      findSights: [
        'blocks_pkey conversation_members_user presence_pkey',
        () => presences.findSights(database, [{ viewer: user, other }]),
      ],
      findPresences: [
        'connections_user presence_pkey',
        () => presences.findPresences(database, [user, other]),
      ],
      writeAnnouncements: [
        'erased_users_pkey presence_pkey',
        () => presences.writeAnnouncements(database, [user]),
      ],
      writeVisible: ['erased_users_pkey', () => presences.writeVisible(database, user, true)],
    },
  };
}

export function pushQueries({
  database,
  query,
  user,
  device,
  otherDevice,
  conversation,
  group,
  who,
  wake,
}: World): Queries {
  return {
    'push-store': {
      keepPushKey: ['', () => pushes.keepPushKey(database, Buffer.from('key'))],
      hasSubscriptions: ['', () => pushes.hasSubscriptions(database)],
      putSubscription: [
        'erased_users_pkey',
        () => pushes.putSubscription(database, who, 'https://push.example/'),
      ],
      findCandidates: [
        'conversation_members_pkey conversation_members_user device_lists_pkey push_subscriptions_pkey push_subscriptions_user',
        () =>
          pushes.findCandidates(database, [
            { conversation, sender: user, device: otherDevice, isUrgent: false },
            { conversation: group, sender: user, isUrgent: true },
          ]),
      ],
      findUnread: [
        'blocks_pkey conversation_members_pkey conversation_members_user conversations_pkey cursors_pkey push_subscriptions_pkey',
        () => pushes.findUnread(database, [device, otherDevice]),
      ],
      makeDue: [
        'push_subscriptions_pkey',
        () => pushes.makeDue(database, [{ device, urgent: true }]),
      ],
      forgetWakes: ['push_subscriptions_pkey', () => pushes.forgetWakes(database, [device])],
      takeDue: [
        'push_subscriptions_due push_subscriptions_pkey',
        () => pushes.takeDue(database, 10),
      ],
      finishWake: ['push_subscriptions_pkey', () => pushes.finishWake(database, wake)],
      postponeWake: [
        'push_subscriptions_due push_subscriptions_pkey',
        () => pushes.postponeWake(database, wake, 1_000),
      ],
      deleteSubscription: [
        'push_subscriptions_pkey',
        () => pushes.deleteSubscription(query, { device: DeviceId.parse(randomUUID()) }),
      ],
    },
  };
}

export function erasureQueries({
  database,
  query,
  user,
  device,
  other,
  conversation,
  seq,
  sentAt,
  undone,
}: World): Queries {
  return {
    'erasure-store': {
      holdUsers: [
        'erased_users_pkey',
        undone((transaction) => erasures.holdUsers(transaction, [user, other])),
      ],
      markErased: [
        'accounts_pkey',
        undone((transaction) => erasures.markErased(transaction, { user, devices: [device] })),
      ],
      findLeaving: ['erased_users_waiting', () => erasures.findLeaving(query)],
      conversationsOf: ['conversation_members_user', () => erasures.conversationsOf(query, user)],
      lockConversation: [
        'conversations_pkey',
        undone((transaction) => erasures.lockConversation(transaction, conversation)),
      ],
      leaveDirect: [
        'conversation_members_pkey conversation_members_user conversations_pkey',
        undone((transaction) =>
          erasures.leaveDirect(transaction, { conversation, user, lastSeq: 10 }),
        ),
      ],
      isDeserted: [
        'conversation_members_pkey',
        undone((transaction) => erasures.isDeserted(transaction, conversation)),
      ],
      removeSome: [
        'conversation_members_pkey conversations_pkey cursors_pkey membership_log_pkey message_ids_key messages_pkey',
        undone((transaction) => erasures.removeSome(transaction, conversation, 32)),
      ],
      messagesAfter: [
        'messages_pkey',
        () => erasures.messagesAfter(database, { conversation, after: 2, limit: 32 }),
      ],
      replaceRecipients: [
        'messages_pkey',
        undone((transaction) => {
          const row = { seq, sent_at: sentAt, recipients: Buffer.alloc(0) };
          return erasures.replaceRecipients(transaction, conversation, row);
        }),
      ],
      finishErasure: [
        'blocks_blocked blocks_pkey connections_user cursors_pkey device_lists_pkey erased_users_pkey presence_pkey push_subscriptions_user reports_reporter sent_counts_pkey',
        undone((transaction) => erasures.finishErasure(transaction, { user, devices: [device] })),
      ],
    },
  };
}

export function retentionQueries({ database, week }: World): Queries {
  return {
    'retention-store': {
      emptyExpired: [
        'messages_expires_at_idx messages_pkey',
        () => retention.emptyExpired(database),
      ],
      findOldWeeks: ['pg_class_oid_index', () => retention.findOldWeeks(database, 30)],
      raiseFirsts: [
        'conversations_pkey messages_pkey',
        () => retention.raiseFirsts(database, week),
      ],
      raiseIdsFrom: ['', () => retention.raiseIdsFrom(database, 1)],
      deleteOldIds: [
        'message_ids_key',
        () => retention.deleteOldIds(database, Date.now() - 20 * 86_400_000),
      ],
    },
  };
}
