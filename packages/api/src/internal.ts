/**
 * Second door, for services only: events on the bus and operations between services.
 *
 * Events are facts that one service owns and others copy. They are delivered at least once and in no promised
 * order across subjects, so each carries a version or is idempotent by nature.
 */
import { z } from 'zod';
import { endpoint } from './endpoint.ts';
import { ConversationId, DeviceId, SessionId, UserId } from './ids.ts';

/** An account came to be. Owner: auth. */
export const AccountCreated = z.object({ user: UserId, username: z.string() });
export type AccountCreated = z.infer<typeof AccountCreated>;

/** The devices of a user that messages are encrypted for. A higher version replaces a lower one. Owner: key. */
export const DeviceListChanged = z.object({
  user: UserId,
  version: z.int().min(1),
  devices: z.array(DeviceId),
});
export type DeviceListChanged = z.infer<typeof DeviceListChanged>;

/** A session ended before its tokens did. Owner: auth. Only shortens the wait of `listRevocations`. */
export const SessionRevoked = z.object({ session: SessionId, at: z.iso.datetime() });
export type SessionRevoked = z.infer<typeof SessionRevoked>;

/** Durable events: subject to schema. A subject is a literal: nothing a client sends is ever part of one. */
export const EVENTS = {
  'events.account.created': AccountCreated,
  'events.device-list.changed': DeviceListChanged,
  'events.session.revoked': SessionRevoked,
} as const;
export type EventSubject = keyof typeof EVENTS;
export type Event<S extends EventSubject> = z.infer<(typeof EVENTS)[S]>;

/** The subject that committed messages go out on. One shard until there are more. */
export const FANOUT_SUBJECT = 'fanout.s0';

const users = z.strictObject({ user_id: UserId });

export const findAccount = endpoint({
  id: 'findAccount',
  service: 'auth',
  method: 'GET',
  path: '/internal/accounts/{user_id}',
  summary: 'An account, for a service that has not heard of it yet',
  access: 'service',
  params: users,
  status: 200,
  response: z.object({ account: AccountCreated.optional() }),
  problems: [],
});

export const listRevocations = endpoint({
  id: 'listRevocations',
  service: 'auth',
  method: 'GET',
  path: '/internal/revocations',
  summary: 'Sessions that ended since a moment, for as long as their access tokens could live',
  access: 'service',
  query: z.strictObject({ since: z.iso.datetime().optional() }),
  status: 200,
  response: z.object({ now: z.iso.datetime(), revocations: z.array(SessionRevoked) }),
  problems: [],
});

export const findDeviceList = endpoint({
  id: 'findDeviceList',
  service: 'key',
  method: 'GET',
  path: '/internal/device-lists/{user_id}',
  summary: "A user's device list, for a service that has not heard of it yet",
  access: 'service',
  params: users,
  status: 200,
  response: z.object({ list: DeviceListChanged.optional() }),
  problems: [],
});

export const findMembership = endpoint({
  id: 'findMembership',
  service: 'message',
  method: 'GET',
  path: '/internal/conversations/{conversation_id}/members/{user_id}',
  summary: 'Whether a user is a member of a conversation now',
  access: 'service',
  params: z.strictObject({ conversation_id: ConversationId, user_id: UserId }),
  status: 200,
  response: z.object({ member: z.boolean() }),
  problems: [],
});

export const internalEndpoints = [
  findAccount,
  listRevocations,
  findDeviceList,
  findMembership,
] as const;
