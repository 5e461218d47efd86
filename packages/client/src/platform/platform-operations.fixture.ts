/** What the platform of `platform.fixture.ts` keeps, and what its operations do with it. */
import { createHash } from 'node:crypto';
import {
  type Answer,
  ApiError,
  type accountEndpoints,
  type authEndpoints,
  type Body,
  type Bundle,
  type ConversationId,
  type conversationEndpoints,
  type DeviceBundle,
  type DeviceId,
  type deviceEndpoints,
  type EndpointSpec,
  type Headers,
  type keyEndpoints,
  type keyLogEndpoints,
  type messageEndpoints,
  type OutgoingMessage,
  type Params,
  type Problem,
  type peopleEndpoints,
  type Query,
  type SessionId,
  type Slot,
  type UserId,
} from '@sotto/api';
import type { fileEndpoints, uploadEndpoints } from '@sotto/api/files';
import { decodeDeviceList } from '@sotto/crypto';
import type { WebSocket } from 'ws';
import type { KeyLogFixture } from '../trust/key-log.fixture.ts';
import { describe, endOf, NOW, type Room, slotsOf } from './platform-rooms.fixture.ts';
import type { Shelf } from './platform-shelf.fixture.ts';

export { addressedBy, endOf, NOW, type Room, slotsOf } from './platform-rooms.fixture.ts';

export interface Device {
  readonly user: UserId;
  readonly device: DeviceId;
  readonly username: string;
  bundle: Partial<Omit<DeviceBundle, 'oneTimePrekey'>>;
  identityKey?: Uint8Array;
  oneTimePrekeys: { id: number; publicKey: Uint8Array }[];
  /** The highest id of them that was ever published. */
  oneTimeMark: number;
  readonly cursors: Map<ConversationId, number>;
  socket?: WebSocket;
}

/** Refused, not heard, or done without an answer. */
export type Failure = ApiError | 'cut' | 'unanswered';

export interface Platform {
  readonly url: string;
  readonly devices: Device[];
  readonly rooms: Room[];
  /** The newest device list of each user. */
  readonly lists: Map<UserId, Uint8Array>;
  readonly log: KeyLogFixture;
  /** Asked for each send: a problem refuses it, `cut` stores it and breaks the connection before the answer. */
  judge: (message: OutgoingMessage, number: number, from: Device) => Problem | 'cut' | undefined;
  /** Changes what a device is sent, in history and live alike. */
  show: (slot: Slot, to: Device) => Slot[];
  /** Everything so far that was passed on and not stored. */
  readonly signals: { readonly to: Device; readonly ciphertext: Uint8Array }[];
  /** Every call so far, as operation ids; a test may fail the next ones. */
  readonly calls: string[];
  failCall: (operation: string) => Failure | undefined;
  readonly files: Shelf;
  /** Tells the sockets of those who may read it of a place. */
  deliver(room: Room, seq: number): void;
  /** Breaks every connection without a goodbye. */
  cutAll(): void;
  close(): Promise<void>;
}

export type Spec =
  | (typeof authEndpoints)[number]
  | (typeof accountEndpoints)[number]
  | (typeof deviceEndpoints)[number]
  | (typeof keyEndpoints)[number]
  | (typeof keyLogEndpoints)[number]
  | (typeof conversationEndpoints)[number]
  | (typeof peopleEndpoints)[number]
  | (typeof messageEndpoints)[number]
  | (typeof fileEndpoints)[number]
  | (typeof uploadEndpoints)[number];

interface Given<E extends EndpointSpec> {
  params: Params<E>;
  query: Query<E>;
  /** As the request has them; those of the contract are decoded. */
  headers: ([Headers<E>] extends [undefined] ? unknown : Headers<E>) &
    Readonly<Record<string, unknown>>;
  body: Body<E>;
  caller: Device;
}

export type Handlers = {
  [E in Spec as E['id']]?: (
    platform: Platform,
    given: Given<E>,
  ) => Answer<E> | Response | Promise<Answer<E> | Response> | undefined;
};
export type Handler = (platform: Platform, given: { [part: string]: unknown }) => unknown;

let made = 0;
export const uuid = () => `00000000-0000-4000-8000-${String(++made).padStart(12, '0')}`;

function login(device: Device) {
  const { user, username } = device;
  return {
    ...{ user, username, device: device.device, session: uuid() as SessionId },
    accessToken: `access-${++made}-${device.device}`,
    refreshToken: `refresh-${device.device}`,
    ...{ accessExpiresIn: 900, refreshExpiresIn: 9000 },
  };
}

function newDevice(user: UserId, username: string): Device {
  const device = uuid() as DeviceId;
  return {
    ...{ user, device, username, bundle: {} },
    ...{ oneTimePrekeys: [], oneTimeMark: 0, cursors: new Map() },
  };
}

export const handlers: Handlers = {
  register({ devices }, { body }) {
    if (devices.some((device) => device.username === body.username)) {
      throw new ApiError('auth.username-taken');
    }
    devices.push(newDevice(uuid() as UserId, body.username));
    return { ...login(devices.at(-1)!), recoveryCode: 'CODE' };
  },
  login({ devices }, { body }) {
    const [first] = devices.filter((device) => device.username === body.username);
    if (body.device === undefined) devices.push(newDevice(first!.user, body.username));
    const asked = body.device ?? devices.at(-1)!.device;
    return login(devices.find((device) => device.device === asked)!);
  },
  refresh: ({ devices }, { body }) =>
    login(devices.find((device) => `refresh-${device.device}` === body.refreshToken)!),
  openChallenge: () => ({ challenge: new Uint8Array(32), expiresIn: 60 }),
  loginByDevice: ({ devices }, { body }) =>
    login(devices.find((device) => device.device === body.device)!),
  renewRecoveryCode: () => ({ recoveryCode: 'CODE' }),
  logout: () => undefined,
  publishIdentity({ devices, lists, log }, { caller, body }) {
    const before = devices.find(({ user, identityKey }) => user === caller.user && identityKey);
    const isSame = before && Buffer.from(before.identityKey!).equals(body.identityKey);
    if (!isSame) lists.delete(caller.user);
    caller.identityKey = body.identityKey;
    log.append(caller.user, body.identityKey);
    caller.bundle.registrationId = body.registrationId;
    return { user: caller.user, identityKey: body.identityKey, publishedAt: NOW };
  },
  /** The caller is the only device of the identity: the others are to be linked anew. */
  replaceIdentity({ devices, lists, log }, { caller, body }) {
    const { identityKey, registrationId, signedPrekey, deviceList } = body;
    for (const device of devices) if (device.user === caller.user) device.bundle = {};
    caller.identityKey = identityKey;
    caller.bundle = { registrationId, signedPrekey };
    caller.oneTimePrekeys = [];
    lists.set(caller.user, deviceList);
    log.append(caller.user, identityKey);
    return { user: caller.user, identityKey, publishedAt: NOW };
  },
  getIdentity({ devices }, { params }) {
    const device = devices.findLast(({ user }) => user === params.user_id);
    return { user: params.user_id, identityKey: device!.identityKey!, publishedAt: NOW };
  },
  publishSignedPrekey(_, { caller, body }) {
    caller.bundle.signedPrekey = body;
    return { id: body.id, publishedAt: NOW };
  },
  publishOneTimePrekeys(_, { caller, body }) {
    caller.oneTimePrekeys.push(...body.prekeys.filter(({ id }) => id > caller.oneTimeMark));
    caller.oneTimeMark = Math.max(caller.oneTimeMark, ...body.prekeys.map(({ id }) => id));
    return { available: caller.oneTimePrekeys.length };
  },
  countPrekeys: (_, { caller }) => ({
    oneTimePrekeys: caller.oneTimePrekeys.length,
    oneTimeMark: caller.oneTimeMark,
  }),
  publishDeviceList({ lists }, { caller, body }) {
    const { list } = decodeDeviceList(body.list);
    const before = lists.get(caller.user);
    const version = before === undefined ? 0 : decodeDeviceList(before).list.version;
    const isSame = before !== undefined && Buffer.from(before).equals(body.list);
    if (!isSame && list.version <= version) throw new ApiError('key.list-conflict');
    lists.set(caller.user, body.list);
    return { version: list.version, complete: true };
  },
  getDeviceList({ lists }, { params }) {
    const list = lists.get(params.user_id);
    if (list === undefined) throw new ApiError('key.list-unknown');
    return { list };
  },
  checkKeys({ lists }, { caller, query }) {
    const list = lists.get(caller.user);
    const { registrationId = 0, signedPrekey } = caller.bundle;
    const hash = createHash('sha256').update(caller.identityKey ?? '');
    const u32 = (value: number) => hash.update(Uint8Array.of(0, 0, value >> 8, value));
    u32(registrationId);
    u32(signedPrekey?.id ?? 0);
    hash.update(signedPrekey?.publicKey ?? new Uint8Array(32));
    u32(caller.oneTimeMark);
    u32(list === undefined ? 0 : decodeDeviceList(list).list.version);
    const digest = hash.digest();
    if (!digest.equals(query.digest)) throw new ApiError('key.view-differs');
    return { digest };
  },
  getBundle: ({ devices, lists }, { params, query }) =>
    bundleOf(
      lists.get(params.user_id),
      devices.filter((device) => device.user === params.user_id),
      query.device,
    ),
  getBundles: ({ devices, lists }, { body }) => ({
    bundles: body.users.map((user) =>
      bundleOf(
        lists.get(user),
        devices.filter((device) => device.user === user),
        undefined,
      ),
    ),
    unknown: [],
    limited: [],
  }),
  getKeyLogKeys: ({ log }) => log.keys(),
  getKeyLogAccount: ({ log }, { params, query }) =>
    log.answer(params.user_id, { from: query.from ?? 1, seen: query.seen ?? 0 }),
  createConversation({ rooms }, { caller, body }) {
    if (body.kind !== 'direct') throw new ApiError('request.invalid');
    const members = [caller.user, body.with];
    const known = rooms.find(
      (room) => room.kind !== 'group' && members.every((member) => room.members.includes(member)),
    );
    if (known === undefined) rooms.push({ id: uuid() as ConversationId, members, messages: [] });
    return describe(known ?? rooms.at(-1)!, caller);
  },
  getConversation: ({ rooms }, { caller, params }) => {
    const room = rooms.find(({ id }) => id === params.id);
    if (!room?.members.includes(caller.user)) throw new ApiError('conversation.not-found');
    return describe(room, caller);
  },
  listConversations({ rooms }, { caller, query }) {
    const conversations = rooms
      .filter(({ id, members }) => members.includes(caller.user) && id > (query.after ?? ''))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, query.limit)
      .map((room) => describe(room, caller));
    return { incarnation: 1, conversations };
  },
  listMessages(platform, { caller, params, query }) {
    const room = platform.rooms.find((known) => known.id === params.id)!;
    const slots = slotsOf(platform, room, caller).filter(
      (slot) => endOf(slot) > Number(query.after),
    );
    const { first, last } = describe(room, caller);
    return { incarnation: 1, first, last, slots };
  },
  searchUsers: ({ devices }, { query }) => ({
    users: devices
      .filter((device) => device.username.startsWith(query.name ?? ''))
      .map(({ user, username }) => ({ user, username })),
  }),
  openSocketTicket: (_, { caller }) => ({
    ticket: `ticket-of-device-${caller.device}`,
    expiresIn: 30,
  }),
};

function bundleOf(
  deviceList: Uint8Array | undefined,
  devices: readonly Device[],
  only: string | undefined,
): Bundle {
  const published = devices.filter((device) => device.bundle.signedPrekey !== undefined);
  const [first] = published;
  if (first === undefined) throw new ApiError('key.identity-unknown');
  if (deviceList === undefined) throw new ApiError('key.list-unknown');
  const asked = published.filter((device) => only === undefined || device.device === only);
  const bundles = asked.map((device) => {
    const oneTimePrekey = device.oneTimePrekeys.shift();
    const { registrationId, signedPrekey } = device.bundle;
    const known = { device: device.device, registrationId, signedPrekey };
    return (oneTimePrekey ? { ...known, oneTimePrekey } : known) as DeviceBundle;
  });
  return { user: first.user, identityKey: first.identityKey!, deviceList, devices: bundles };
}
