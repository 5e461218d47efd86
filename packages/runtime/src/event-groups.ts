/**
 * Who consumes which durable event. An event leaves its log once all these groups have taken it, so a group that is
 * missing here may find events gone that were published before it first came (docs/adr/0012-event-streams.md).
 */
import type { EventSubject } from '@sotto/api/internal';

/** The groups of each event, whether they have started yet or not. Without any, nothing waits for it. */
export const EVENT_GROUPS = {
  'events.account.created': ['message'],
  'events.device-list.changed': ['auth-device-lists', 'message', 'message-key-hints'],
  'events.session.revoked': ['message-ended-sessions'],
  'events.account.deleted': ['key-erasure', 'message-erasure', 'file-erasure'],
  'events.device.retired': ['key-retired-devices', 'message-retired-devices'],
  'events.identity.changed': ['message-key-hints'],
  'events.membership.changed': ['file-membership'],
  'events.prekeys.low': ['message-key-hints'],
  'events.audit.noted': ['auth-audit'],
} as const satisfies Record<EventSubject, readonly string[]>;

/** A group that may consume an event: one of the table, or one of a test. */
export type EventGroup<S extends EventSubject> = (typeof EVENT_GROUPS)[S][number] | `test${string}`;
