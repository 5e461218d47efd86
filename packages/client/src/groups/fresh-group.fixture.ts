/**
 * A group as one device sees it, without a platform: all keys of all members are made here, `call` answers from them, and
 * what the device sends is stored at once. It runs in browsers too, and shows what encrypting for a group costs alone.
 */
import {
  ApiError,
  type Bundle,
  ConversationId,
  DeviceId,
  type EndpointSpec,
  type MessageId,
  type OutgoingMessage,
  type Problem,
  toProblem,
  UserId,
} from '@sotto/api';
import {
  type DeviceEntry,
  type Head,
  type Identity,
  type LocalParty,
  makeIdentity,
  makeOneTimePrekeys,
  makeSignedPrekey,
  type OneTimePrekey,
  type Provider,
  type SignedPrekey,
  SUITE_CLASSIC,
  signDeviceList,
} from '@sotto/crypto';
import { HeadRecord } from '../account/records.ts';
import { Lane, type LaneDeps } from '../connection/lane.ts';
import { createEvents, type Events } from '../events.ts';
import { ConversationRecord, type GroupRecord } from '../messages/conversation-record.ts';
import { writeCursor } from '../messages/conversations.ts';
import { enqueue } from '../messages/outbox.ts';
import { keys } from '../store/key-space.ts';
import type { Store } from '../store/store.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import type { Contact } from '../trust/key-log.ts';
import { OwnLeaf } from '../trust/log-standing.ts';

/** A device with everything that only it knows. */
export interface GroupDevice {
  readonly local: LocalParty;
  readonly signedPrekey: SignedPrekey;
  readonly oneTimePrekeys: OneTimePrekey[];
}

/** An account with its devices, as its platform has them. */
export interface GroupMember {
  readonly user: UserId;
  readonly identity: Identity;
  readonly devices: GroupDevice[];
  list: { encoded: Uint8Array; head: Head };
  /** The platform's count of the changes of its devices. */
  version: number;
}

export interface FreshGroup {
  readonly conversation: ConversationId;
  readonly store: Store;
  readonly deps: LaneDeps;
  readonly events: Events;
  readonly members: GroupMember[];
  /** What the device has asked for, as operation ids, and how many users it asked for at once. */
  readonly calls: { id: string; users: number }[];
  /** What it has sent and the platform has stored. */
  readonly sent: OutgoingMessage[];
  /** The last place of the conversation; the first is that of the log's entry. */
  places: number;
  /** Whom it wants looked up in the key log. */
  readonly toProve: Contact[];
  /** Moves the clock of the device. */
  clock: number;
  /** Asked for each send: a problem refuses it. */
  judge: (message: OutgoingMessage) => Problem | undefined;
  /** The number that was refused, as long as it has not come again. */
  waitsFor: number | undefined;
  /** Users whose bundles do not come, since they were asked for too often. */
  readonly limited: Set<UserId>;
  /** Their lists do not come either. */
  areListsLimited: boolean;
  /** Resolves once a text is stored. */
  say(text: string): Promise<MessageId>;
  /** Changes who is in the group, as its log would. */
  change(change: (group: GroupRecord) => Partial<GroupRecord>): Promise<void>;
  /** Of an id of its own, unless it borrows one. */
  addDevice(member: GroupMember, id?: string): GroupDevice;
  dropDevice(member: GroupMember, device: GroupDevice): void;
  /** Ends the connection, and begins another one. */
  reconnect(): Promise<void>;
  close(): Promise<void>;
}

export interface FreshGroupOptions {
  readonly provider: Provider;
  readonly store: Store;
  readonly members: number;
  readonly devicesEach: number;
}

let made = 0;
const uuid = () => `00000000-0000-7000-8000-${(++made).toString(16).padStart(12, '0')}`;

/** A group in which nobody has said anything. Its first member is the device's own account. */
export async function makeFreshGroup(options: FreshGroupOptions): Promise<FreshGroup> {
  const { provider, store } = options;
  const conversation = ConversationId.parse(uuid());
  const begun = Date.now();
  const members = Array.from({ length: options.members }, () => makeMember(options, begun));
  const [own] = members;
  const local = own!.devices[0]!.local;
  await fillIn(store, { conversation, members });
  const events = createEvents();
  const toProve: Contact[] = [];
  let lane: Lane | undefined;
  const group: FreshGroup = {
    ...{ conversation, store, events, members, toProve, clock: begun },
    ...{
      calls: [],
      sent: [],
      places: 1,
      limited: new Set(),
      areListsLimited: false,
      judge: () => undefined,
      waitsFor: undefined,
    },
    deps: {
      ...{ store, provider, local, events },
      call: (endpoint, input) => answer(group, endpoint, input),
      clock: () => group.clock,
      random: () => 0,
      keyLog: {
        needOwn: async () => {},
        needContact: async () => {},
        identitiesOf: () => Promise.reject(new Error('nobody knows the log here')),
        doubtOwn() {},
      },
      proofs: { need: (contacts) => toProve.push(...contacts) },
      send: (frame) => {
        if (frame.type === 'send') queueMicrotask(() => take(group, lane, frame));
        if (frame.type === 'withdraw') group.waitsFor = undefined;
      },
      room: { left: 256, onFreed() {} },
    },
    async say(text) {
      const content = { type: 'text', text } as const;
      const id = await store.transaction((transaction) =>
        enqueue(group.deps, transaction, { conversation, content }),
      );
      const stored = new Promise<MessageId>((resolve) => {
        const end = events.on('stored', (message) => {
          if (message.id !== id) return;
          end();
          resolve(id);
        });
      });
      lane ??= new Lane(group.deps, conversation);
      lane.wake();
      return stored;
    },
    change: (change) =>
      store.transaction(async (transaction) => {
        const key = keys.conversation(conversation);
        const record = await getRecord(transaction, key, ConversationRecord);
        if (record?.kind !== 'group') throw new Error('the group is gone');
        await putRecord(transaction, key, [ConversationRecord, { ...record, ...change(record) }]);
      }),
    addDevice(member, id) {
      const device = makeDevice(provider, member, id);
      member.devices.push(device);
      publish(provider, member, begun);
      return device;
    },
    dropDevice(member, device) {
      member.devices.splice(member.devices.indexOf(device), 1);
      publish(provider, member, begun);
    },
    async reconnect() {
      await lane?.stop();
      group.waitsFor = undefined;
      lane = new Lane(group.deps, conversation);
    },
    async close() {
      await lane?.stop();
      await store.close();
    },
  };
  return group;
}

function makeMember({ provider, devicesEach }: FreshGroupOptions, time: number): GroupMember {
  const member: GroupMember = {
    user: UserId.parse(uuid()),
    identity: makeIdentity(provider),
    devices: [],
    list: { encoded: new Uint8Array(0), head: { version: 0, hash: new Uint8Array(32) } },
    version: 0,
  };
  for (let count = 0; count < devicesEach; count++) {
    member.devices.push(makeDevice(provider, member));
  }
  publish(provider, member, time);
  return member;
}

function makeDevice(
  provider: Provider,
  { user, identity }: Pick<GroupMember, 'user' | 'identity'>,
  id = uuid(),
): GroupDevice {
  return {
    local: { identity, address: { user, device: DeviceId.parse(id) }, registrationId: 1 },
    signedPrekey: makeSignedPrekey(provider, identity, { id: 1, suites: [SUITE_CLASSIC] }),
    oneTimePrekeys: makeOneTimePrekeys(provider, { firstId: 1, count: 2 }),
  };
}

/** Signs the list of an account's devices as they are now. */
function publish(provider: Provider, member: GroupMember, time: number): void {
  const { user, identity, devices, version, list } = member;
  const entries = devices.map(
    ({ local }): DeviceEntry => ({
      device: local.address.device,
      deviceKey: identity.publicKey,
      registrationId: local.registrationId,
    }),
  );
  const previous = version === 0 ? undefined : list.head;
  member.list = signDeviceList(provider, identity, { user, time, devices: entries, previous });
  member.version += 1;
}

/** What the device has seen so far: the group's log, its own leaf and its own list. */
function fillIn(
  store: Store,
  { conversation, members }: { conversation: ConversationId; members: readonly GroupMember[] },
): Promise<void> {
  const [own] = members;
  const users = members.map(({ user }) => user);
  const head = { version: 1, hash: new Uint8Array(32) };
  const group: GroupRecord = {
    ...{ id: conversation, kind: 'group', members: users, admins: users.slice(0, 1), head },
    ...{ since: users.map(() => 1), titleKey: new Uint8Array(32) },
  };
  return store.transaction(async (transaction) => {
    await putRecord(transaction, keys.conversation(conversation), [ConversationRecord, group]);
    await writeCursor(transaction, conversation, 1);
    const leaf = { identityKey: own!.identity.publicKey, head };
    await putRecord(transaction, keys.logOwnLeaf, [OwnLeaf, leaf]);
    await putRecord(transaction, keys.ownList, [HeadRecord, own!.list.head]);
  });
}

/** Answers as a platform does that has nobody but these members. */
async function answer(group: FreshGroup, { id }: EndpointSpec, input: unknown): Promise<never> {
  const { params, body } = input as {
    params?: { user_id?: UserId };
    body?: { users?: readonly UserId[] };
  };
  const users = body?.users ?? (params?.user_id ? [params.user_id] : []);
  group.calls.push({ id, users: users.length });
  const known = group.members.filter(({ user }) => users.includes(user));
  if (id === 'getConversation') return { lists: versionsOf(group) } as never;
  const limited = users.filter((user) => group.limited.has(user));
  if (id === 'getDeviceList') {
    if (group.areListsLimited && limited.length > 0)
      throw new ApiError('rate.limited', { retryAfter: 60 });
    return { list: known[0]!.list.encoded } as never;
  }
  if (id === 'getBundle') {
    if (limited.length > 0) throw new ApiError('rate.limited', { retryAfter: 60 });
    return bundleOf(group, known[0]!) as never;
  }
  if (id !== 'getBundles') throw new Error(`nobody answers ${id} here`);
  const bundles = known
    .filter(({ user }) => !limited.includes(user))
    .map((member) => bundleOf(group, member));
  const waiting = limited.map((user) => ({ user, retryAfter: 60 }));
  return { bundles, unknown: [], limited: waiting } as never;
}

/** What a group's messages are to be keyed for. */
export function versionsOf({ members }: Pick<FreshGroup, 'members'>) {
  return members.map(({ user, version }) => ({ user, version }));
}

function bundleOf({ deps }: FreshGroup, { user, identity, devices, list }: GroupMember): Bundle {
  const { device: self } = deps.local.address;
  return {
    ...{ user, identityKey: identity.publicKey, deviceList: list.encoded },
    devices: devices
      .filter(({ local }) => local.address.device !== self)
      .map(({ local, signedPrekey: { id, keyPair, suites, signature }, oneTimePrekeys }) => ({
        device: DeviceId.parse(local.address.device),
        registrationId: local.registrationId,
        signedPrekey: { id, publicKey: keyPair.publicKey, suites: [...suites], signature },
        ...(oneTimePrekeys[0] && {
          oneTimePrekey: {
            id: oneTimePrekeys[0].id,
            publicKey: oneTimePrekeys[0].keyPair.publicKey,
          },
        }),
      })),
  };
}

type SendFrameOf = Extract<Parameters<LaneDeps['send']>[0], { type: 'send' }>;

function take(group: FreshGroup, lane: Lane | undefined, { message, number }: SendFrameOf): void {
  const isBarred = group.waitsFor !== undefined && number > group.waitsFor;
  const problem = isBarred
    ? toProblem(new ApiError('message.after-refused'))
    : group.judge(message);
  if (problem !== undefined) {
    if (!isBarred) group.waitsFor = number;
    lane?.onRefused(number, problem);
    return;
  }
  group.waitsFor = undefined;
  group.sent.push(message);
  const { id, conversation } = message;
  const seq = ++group.places;
  void lane?.onStored(number, { id, conversation, seq, sentAt: '2026-01-01T00:00:00.000Z' });
}
