/** The tables of the message service as its queries see them. `migrations/` says how they are indexed, and why. */
import type { ConversationId, DeviceId, UserId } from '@sotto/api';
import type { OutboxTables } from '@sotto/runtime';
import type { ColumnType, Generated } from 'kysely';
import type { RoleNumber } from './member-role.ts';
import type { ReportedMessage, ReportReason } from './report.ts';

export interface Tables extends OutboxTables {
  platform: {
    list_changes: Generated<number>;
    incarnation: number;
    has_run: Generated<boolean>;
    restoring: number | null;
    ids_from: Generated<Date>;
  };
  accounts: { user_id: UserId; username: string; folded: string };
  device_lists: { user_id: UserId; version: number; devices: DeviceId[] };
  erased_users: {
    user_id: UserId;
    /** Which messages were for; forgotten once nothing is left of them. */
    devices: DeviceId[];
    deleted_at: Generated<Date>;
    erased_at: Generated<Date | null>;
  };
  push_keys: { private_key: Buffer };
  push_subscriptions: {
    device: DeviceId;
    user_id: UserId;
    endpoint: string;
    made_at: Generated<Date>;
    due_at: Date | null;
    urgent: Generated<boolean>;
    attempts: Generated<number>;
    woken_at: Date | null;
    alarmed_at: Date | null;
  };
  blocks: { blocker: UserId; blocked: UserId; created_at: Generated<Date> };
  nodes: { node: string; seen_at: Date };
  connections: { device: DeviceId; user_id: UserId; node: string; connected_at: Date };
  presence: {
    user_id: UserId;
    visible: Generated<boolean>;
    last_seen: Date | null;
    announced_at: Date | null;
  };
  reports: {
    id: string;
    reporter: UserId;
    reported: UserId;
    conversation: ConversationId | null;
    reason: ReportReason;
    note: string | null;
    /** JSON text on its way in. */
    messages: ColumnType<ReportedMessage[], string, never>;
    made_at: Generated<Date>;
    closed_at: Generated<Date | null>;
  };
  conversations: {
    id: ConversationId;
    kind: 'direct' | 'group';
    version: Generated<number>;
    last_seq: Generated<number>;
    first_seq: Generated<number>;
    pair_low: UserId | null;
    pair_high: UserId | null;
    /** Of a group: its newest entry's. */
    head_hash: Buffer | null;
    title: Buffer | null;
    created_at: Generated<Date>;
  };
  conversation_members: {
    conversation: ConversationId;
    user_id: UserId;
    joined_seq: number;
    left_seq: number | null;
    /** As the membership log has it; null for who is not in it, and in direct conversations. */
    role: RoleNumber | null;
    since: number | null;
    /** Among those who came by the same entry. */
    rank: number | null;
    requested: Generated<boolean>;
    muted_until: Date | null;
  };
  membership_log: {
    conversation: ConversationId;
    version: number;
    seq: number;
    entry: Buffer;
  };
  messages: {
    conversation: ConversationId;
    seq: number;
    sent_at: Date;
    id: string;
    kind: number;
    sender_user: UserId;
    sender_device: DeviceId;
    recipients: Buffer;
    expires_at: Date | null;
  };
  message_ids: {
    id: string;
    sender_device: DeviceId;
    conversation: ConversationId;
    seq: number;
    sent_at: Date;
    sha256: Buffer;
  };
  cursors: { device: DeviceId; conversation: ConversationId; seq: number };
  sent_counts: { device: DeviceId; sent: number };
  fanout_outbox: {
    id: Generated<number>;
    event_id: Generated<string>;
    conversations: ConversationId[];
    firsts: number[];
    lasts: number[];
    created_at: Generated<Date>;
  };
}
