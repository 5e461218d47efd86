/** The tables of the message service as its queries see them. `migrations/` says how they are indexed, and why. */
import type { ConversationId, DeviceId, UserId } from '@sotto/api';
import type { Generated } from 'kysely';

export interface Tables {
  platform: { incarnation: number };
  accounts: { user_id: UserId; username: string; folded: string };
  device_lists: { user_id: UserId; version: number; devices: DeviceId[] };
  erased_users: {
    user_id: UserId;
    /** Which messages were for; forgotten once nothing is left of them. */
    devices: DeviceId[];
    deleted_at: Generated<Date>;
    erased_at: Generated<Date | null>;
  };
  conversations: {
    id: ConversationId;
    kind: 'direct';
    version: Generated<number>;
    last_seq: Generated<number>;
    pair_low: UserId;
    pair_high: UserId;
    created_at: Generated<Date>;
  };
  conversation_members: {
    conversation: ConversationId;
    user_id: UserId;
    joined_seq: number;
    left_seq: number | null;
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
  fanout_outbox: {
    id: Generated<number>;
    event_id: Generated<string>;
    conversations: ConversationId[];
    firsts: number[];
    lasts: number[];
    created_at: Generated<Date>;
  };
}
