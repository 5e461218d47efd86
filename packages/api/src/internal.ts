/**
 * A door for services only: events on the bus and operations between services.
 *
 * Events are facts that one service owns and others copy. They are delivered at least once and in no promised
 * order across subjects, so each carries a version or is idempotent by nature.
 */
import * as z from 'zod/mini';
import { bytesOf } from './bytes.ts';
import { endpoint } from './endpoint.ts';
import { ConversationId, DeviceId, SessionId, UserId } from './ids.ts';

/** An account came to be. Owner: auth. */
export const AccountCreated = z.object({ user: UserId, username: z.string() });
export type AccountCreated = z.infer<typeof AccountCreated>;

/** The devices of a user that messages are encrypted for. A higher version replaces a lower one. Owner: key. */
export const DeviceListChanged = z.object({
  user: UserId,
  version: z.int().check(z.minimum(1)),
  devices: z.array(DeviceId),
});
export type DeviceListChanged = z.infer<typeof DeviceListChanged>;

/** An account was deleted: whoever holds rows or blobs of it erases them within a day. Owner: auth. */
export const AccountDeleted = z.object({
  user: UserId,
  at: z.iso.datetime(),
  /** What the account had, those that ever had keys first. Where they do not fit, the event comes again with the others. */
  devices: z.optional(z.array(DeviceId).check(z.maxLength(1000))),
});
export type AccountDeleted = z.infer<typeof AccountDeleted>;

/** A device was unlinked, or given up for another: its keys and its queue go. Owner: auth. */
export const DeviceRetired = z.object({ user: UserId, device: DeviceId });
export type DeviceRetired = z.infer<typeof DeviceRetired>;

/** An account has another identity key; its contacts' devices are told. Owner: key. */
export const IdentityChanged = z.object({
  user: UserId,
  /** Of the account's newest leaf in the key log. */
  version: z.int().check(z.minimum(1)),
});
export type IdentityChanged = z.infer<typeof IdentityChanged>;

/** A device has few one-time prekeys left; its sockets are told. Owner: key. */
export const PrekeysLow = z.object({ device: DeviceId, available: z.int() });
export type PrekeysLow = z.infer<typeof PrekeysLow>;

/** Who is in a conversation has changed. A higher version follows on a lower one. Owner: message. */
export const MembershipChanged = z.object({
  conversation: ConversationId,
  version: z.int().check(z.minimum(1)),
  joined: z.array(UserId),
  left: z.array(UserId),
});
export type MembershipChanged = z.infer<typeof MembershipChanged>;

/** What the audit log names. */
export const AUDIT_ACTIONS = [
  'account.registered',
  'account.deleted',
  'account.exported',
  'account.disabled',
  'login.succeeded',
  'login.failed',
  'login.locked',
  'password.changed',
  'password.recovered',
  'recovery-code.renewed',
  'refresh.reused',
  'session.ended',
  'device.added',
  'device.renamed',
  'device.retired',
  'identity.published',
  'identity.replaced',
  'prekeys.published',
  'device-list.published',
  'bundles.fetched',
  'messages.sent',
  'messages.fetched',
  'files.uploaded',
  'files.fetched',
  'groups.changed',
  'reports.made',
  'admin.acted',
] as const;

/** The operator's commands that change something, or show what is somebody's own, as they are typed. */
export const ADMIN_COMMANDS = [
  'create',
  'users create',
  'users disable',
  'users enable',
  'users reset',
  'users delete',
  'invite create',
  'invite revoke',
  'sessions revoke',
  'rotate-field-keys',
  'reports close',
  'inspect',
  'limits reset',
  'retention run',
  'restored',
] as const;
export type AdminCommand = (typeof ADMIN_COMMANDS)[number];

/** One line of the audit log: who did what, and how often; never with what content. */
export const AuditEntry = z.object({
  at: z.iso.datetime(),
  action: z.enum(AUDIT_ACTIONS),
  /** Which of the operator's commands, with `admin.acted`. */
  command: z.optional(z.enum(ADMIN_COMMANDS)),
  user: z.optional(UserId),
  device: z.optional(DeviceId),
  session: z.optional(SessionId),
  /** The address that it came from; encrypted where it is kept, and removed after a day. */
  source: z.optional(z.string().check(z.maxLength(64))),
  /** How many times, where events are counted up before they are written. */
  count: z.optional(z.int().check(z.minimum(1))),
});
export type AuditEntry = z.infer<typeof AuditEntry>;

/** What services other than auth have to write in the audit log. `id` makes it idempotent. Owner: whoever saw it. */
export const AuditNoted = z.object({
  id: z.uuid(),
  entries: z.array(AuditEntry).check(z.minLength(1), z.maxLength(500)),
});
export type AuditNoted = z.infer<typeof AuditNoted>;

/**
 * A session ended before its tokens did. Owner: auth. Ends what was to wake its device; for everything else it only shortens
 * the wait of `listRevocations`.
 */
export const SessionRevoked = z.object({
  session: SessionId,
  at: z.iso.datetime(),
  /** Left out by releases that did not say it. */
  device: z.optional(DeviceId),
});
export type SessionRevoked = z.infer<typeof SessionRevoked>;

/** Durable events: subject to schema. A subject is a literal: nothing a client sends is ever part of one. */
export const EVENTS = {
  'events.account.created': AccountCreated,
  'events.device-list.changed': DeviceListChanged,
  'events.session.revoked': SessionRevoked,
  'events.account.deleted': AccountDeleted,
  'events.device.retired': DeviceRetired,
  'events.identity.changed': IdentityChanged,
  'events.prekeys.low': PrekeysLow,
  'events.audit.noted': AuditNoted,
  'events.membership.changed': MembershipChanged,
} as const;
export type EventSubject = keyof typeof EVENTS;
export type Event<S extends EventSubject> = z.infer<(typeof EVENTS)[S]>;

/** The subject that committed messages go out on. One shard until there are more. */
export const FANOUT_SUBJECT = 'fanout.s0';

const users = z.strictObject({ user_id: UserId });

/** An account, for a service that has not heard of it yet. */
export const findAccount = endpoint({
  id: 'findAccount',
  service: 'auth',
  method: 'GET',
  path: '/internal/accounts/{user_id}',
  access: 'service',
  params: users,
  status: 200,
  response: z.object({ account: z.optional(AccountCreated) }),
  problems: [],
});

/** Sessions that ended since a moment, for as long as their access tokens could live. */
export const listRevocations = endpoint({
  id: 'listRevocations',
  service: 'auth',
  method: 'GET',
  path: '/internal/revocations',
  access: 'service',
  query: z.strictObject({ since: z.optional(z.iso.datetime()) }),
  status: 200,
  response: z.object({ now: z.iso.datetime(), revocations: z.array(SessionRevoked) }),
  problems: [],
});

/** Uses that one call may tell: a tenth of what fits into a body. */
const TOKEN_USES_MAX = 500;

/** Access tokens that were used at a service, by session and refresh generation; hearing it again does no harm. */
export const noteTokenUses = endpoint({
  id: 'noteTokenUses',
  service: 'auth',
  method: 'POST',
  path: '/internal/token-uses',
  access: 'service',
  body: z.strictObject({
    uses: z
      .array(
        z.strictObject({
          session: SessionId,
          /** Of the refresh token that the access token came with; those of the log-in itself are not told. */
          generation: z.int().check(z.minimum(1)),
          /** How long ago, which needs no two clocks to agree. */
          ageMs: z.int().check(z.minimum(0)),
        }),
      )
      .check(z.minLength(1), z.maxLength(TOKEN_USES_MAX)),
  }),
  status: 204,
  problems: [],
});

/** A user's device list, for a service that has not heard of it yet. */
export const findDeviceList = endpoint({
  id: 'findDeviceList',
  service: 'key',
  method: 'GET',
  path: '/internal/device-lists/{user_id}',
  access: 'service',
  params: users,
  status: 200,
  response: z.object({ list: z.optional(DeviceListChanged) }),
  problems: [],
});

/** A user's identity key of now, for a service that checks what it has signed. */
export const findIdentity = endpoint({
  id: 'findIdentity',
  service: 'key',
  method: 'GET',
  path: '/internal/identities/{user_id}',
  access: 'service',
  params: users,
  status: 200,
  response: z.object({ identityKey: z.optional(bytesOf(32)) }),
  problems: [],
});

/** Whether a user is a member of a conversation now. */
export const findMembership = endpoint({
  id: 'findMembership',
  service: 'message',
  method: 'GET',
  path: '/internal/conversations/{conversation_id}/members/{user_id}',
  access: 'service',
  params: z.strictObject({ conversation_id: ConversationId, user_id: UserId }),
  status: 200,
  response: z.object({ member: z.boolean() }),
  problems: [],
});

/** How many members a conversation has now; none when there is no such conversation. */
export const countMembers = endpoint({
  id: 'countMembers',
  service: 'message',
  method: 'GET',
  path: '/internal/conversations/{conversation_id}/members',
  access: 'service',
  params: z.strictObject({ conversation_id: ConversationId }),
  status: 200,
  response: z.object({ members: z.int().check(z.minimum(0)) }),
  problems: [],
});

/** One service's part of `exportAccount`: table to rows. */
const ExportedTables = z.object({ tables: z.record(z.string(), z.array(z.json())) });

function exportOf(service: 'key' | 'message' | 'file') {
  return endpoint({
    id: `export-${service}`,
    service,
    method: 'GET',
    path: '/internal/export/{user_id}',
    access: 'service',
    params: users,
    status: 200,
    response: ExportedTables,
    problems: [],
  });
}
/** What each service adds to `exportAccount`: what it holds about a user; ciphertexts are counted, not repeated. */
export const exportKeys = exportOf('key');
export const exportMessages = exportOf('message');
export const exportFiles = exportOf('file');

/** Go by this device list from now on; answered once every later send is held against it. */
export const applyDeviceList = endpoint({
  id: 'applyDeviceList',
  service: 'message',
  method: 'POST',
  path: '/internal/device-lists',
  access: 'service',
  body: DeviceListChanged,
  status: 204,
  problems: [],
});

export const internalEndpoints = [
  exportKeys,
  exportMessages,
  exportFiles,
  applyDeviceList,
  findAccount,
  listRevocations,
  noteTokenUses,
  findDeviceList,
  findIdentity,
  findMembership,
  countMembers,
] as const;
