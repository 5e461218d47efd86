/** Sender keys on their way out: who gets them, when another one takes their place, and what that costs. */
import { ApiError, DeviceId, type OutgoingMessage, toProblem, type UserId } from '@sotto/api';
import {
  acceptDistribution,
  decryptGroupMessage,
  openEnvelope,
  type SenderKeyRecord,
} from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { getPeer, OneTimePrekeyRecord, Peer, SignedPrekeyRecord } from '../account/records.ts';
import { CONTROL_RECIPIENTS_MAX, PASSED_OVER_MS, SENDER_CHAIN_MS } from '../limits.ts';
import { decodeContent } from '../messages/content.ts';
import { decodeControl } from '../messages/control.ts';
import { keys } from '../store/key-space.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { putRecord } from '../store/stored-record.ts';
import { ContactLeaf } from '../trust/log-standing.ts';
import { openSessions } from '../trust/sessions.ts';
import {
  type FreshGroup,
  type GroupDevice,
  makeFreshGroup,
  versionsOf,
} from './fresh-group.fixture.ts';
import { digestVersions } from './group-audience.ts';
import { encryptForGroup, enqueueDistribution, forgetOwnChains } from './group-keys.ts';
import { getGroup } from './group-log.ts';

const provider = nodeProvider;
let group: FreshGroup;

async function begin(members: number, devicesEach: number): Promise<FreshGroup> {
  group = await makeFreshGroup({ provider, store: openMemoryStore(), members, devicesEach });
  return group;
}

afterEach(() => group.close());

test('the first message to 200 members with two devices asks once and is uploaded once', async () => {
  await begin(200, 2);
  await group.say('hello');
  expect(group.calls).toEqual([
    { id: 'getConversation', users: 0 },
    { id: 'getBundles', users: 200 },
  ]);
  const targeted = sentOf('targeted');
  expect(targeted).toHaveLength(Math.ceil(399 / CONTROL_RECIPIENTS_MAX));
  expect(new Set(targeted.flatMap(devicesOf)).size).toBe(399);
  expect(sentOf('group')).toHaveLength(1);
  expect(group.sent.at(-1)?.kind).toBe('group');
  const [, first, second] = group.members;
  for (const device of [...first!.devices, ...second!.devices, group.members[0]!.devices[1]!]) {
    expect(await readAs(device)).toEqual(['hello']);
  }
});

describe('a group of four with two devices', () => {
  beforeEach(() => begin(4, 2));

  test('gets the second message by one upload and nothing else', async () => {
    await group.say('one');
    group.sent.length = 0;
    group.calls.length = 0;
    await group.say('two');
    expect(group.sent.map(({ kind }) => kind)).toEqual(['group']);
    expect(group.calls).toEqual([]);
  });

  test('is sent to under the versions that the platform counts, and the log as it was read', async () => {
    await group.say('one');
    const [message] = sentOf('group');
    const versions = new Map(versionsOf(group).map(({ user, version }) => [user, version]));
    expect(message).toMatchObject({ version: 1, lists: digestVersions(provider, versions) });
  });

  test('gives another key to those who stay when a member goes', async () => {
    const [, gone, stays] = group.members;
    await group.say('with all');
    await group.change(({ members, head }) => ({
      members: members.filter((user) => user !== gone!.user),
      head: { ...head, version: 2 },
    }));
    await group.say('without one');
    expect(await readAs(stays!.devices[0]!)).toEqual(['with all', 'without one']);
    expect(await readAs(gone!.devices[0]!)).toEqual(['with all', 'sender-key.unknown']);
    expect(devicesOf(sentOf('targeted').at(-1)!)).toHaveLength(5);
  });

  test('gives another key when a device goes, at the first message behind that', async () => {
    await group.say('with all');
    const [, , member] = group.members;
    const lost = member!.devices[1]!;
    group.dropDevice(member!, lost);
    refuseOnceAsStale();
    await group.say('without it');
    expect(await readAs(member!.devices[0]!)).toEqual(['with all', 'without it']);
    expect(await readAs(lost)).toEqual(['with all', 'sender-key.unknown']);
  });

  test('hands the same key to a device that has come, and to no other', async () => {
    await group.say('before');
    const [, , , member] = group.members;
    const added = group.addDevice(member!);
    refuseOnceAsStale();
    group.sent.length = 0;
    group.calls.length = 0;
    await group.say('behind');
    expect(group.sent.map(({ kind }) => kind)).toEqual(['targeted', 'group']);
    expect(devicesOf(group.sent[0]!)).toEqual([added.local.address.device]);
    expect(group.calls).toEqual([{ id: 'getBundle', users: 1 }]);
    expect(await readAs(added)).toEqual(['behind']);
  });

  test('mends all that was under way when the platform refuses, in order and under the same ids', async () => {
    await group.say('before');
    const [, , , member] = group.members;
    const added = group.addDevice(member!);
    refuseOnceAsStale();
    group.sent.length = 0;
    const ids = await Promise.all(['a', 'b', 'c'].map((text) => group.say(text)));
    expect(await readAs(added)).toEqual(['a', 'b', 'c']);
    expect(sentOf('group').map(({ id }) => id)).toEqual(ids);
  });

  test('gets another key after a week', async () => {
    await group.say('this week');
    group.clock += SENDER_CHAIN_MS - 1;
    await group.say('still');
    expect(sentOf('targeted')).toHaveLength(1);
    group.clock += 1;
    await group.say('next week');
    expect(sentOf('targeted')).toHaveLength(2);
    const [, member] = group.members;
    expect(await readAs(member!.devices[0]!)).toEqual(['this week', 'still', 'next week']);
  });

  test('gets another key from a store that was left behind', async () => {
    await group.say('before');
    await group.store.transaction(forgetOwnChains);
    await group.say('behind');
    expect(sentOf('targeted')).toHaveLength(2);
    const [one, other] = sentOf('group').map(chainOf);
    expect(one).not.toBe(other);
  });

  test('goes on without a member whose identity has changed, who had the key before', async () => {
    await group.say('trusted');
    const [, doubted, other] = group.members;
    await changePeer(doubted!.user, { changedTo: new Uint8Array(32) });
    await group.say('not to that');
    expect(await readAs(doubted!.devices[0]!)).toEqual(['trusted', 'sender-key.unknown']);
    expect(await readAs(other!.devices[0]!)).toEqual(['trusted', 'not to that']);
  });

  test('goes on without a member against whom the key log stands', async () => {
    await group.say('trusted');
    expect(group.toProve.map(({ user }) => user)).toEqual(
      group.members.slice(1).map(({ user }) => user),
    );
    const [, doubted, other] = group.members;
    await group.store.transaction((transaction) =>
      putRecord(transaction, keys.logLeaf(doubted!.user), [ContactLeaf, { broken: 'head.forked' }]),
    );
    await group.say('not to that');
    expect(await readAs(doubted!.devices[0]!)).toEqual(['trusted', 'sender-key.unknown']);
    expect(await readAs(other!.devices[1]!)).toEqual(['trusted', 'not to that']);
  });

  test('goes on without a member who cannot be met, who gets the key once that is over', async () => {
    const [, away, other] = group.members;
    group.limited.add(away!.user);
    await group.say('without');
    expect(await readAs(other!.devices[0]!)).toEqual(['without']);
    expect(await readAs(away!.devices[0]!)).toEqual(['sender-key.unknown']);
    group.limited.clear();
    group.clock += PASSED_OVER_MS;
    await group.say('with');
    expect(await readAs(away!.devices[0]!)).toEqual(['sender-key.unknown', 'with']);
    expect(new Set(sentOf('group').map(chainOf)).size).toBe(1);
  });

  test('gets one key when the connection ends between the keys and the message', async () => {
    const connection = new Promise<void>((resolve) => {
      group.judge = ({ kind }) => {
        if (kind !== 'group') return undefined;
        resolve();
        return toProblem(new ApiError('message.busy'));
      };
    });
    const said = group.say('over two connections');
    await connection;
    group.judge = () => undefined;
    await group.reconnect();
    await said;
    expect(sentOf('targeted')).toHaveLength(1);
    const [, member] = group.members;
    expect(await readAs(member!.devices[0]!)).toEqual(['over two connections']);
  });

  test('hands the key to a device that asks for it', async () => {
    await group.say('one');
    const [, member] = group.members;
    const { device } = member!.devices[0]!.local.address;
    const to = [{ user: member!.user, device: DeviceId.parse(device) }];
    await group.store.transaction((transaction) =>
      enqueueDistribution(group.deps, transaction, { conversation: group.conversation, to }),
    );
    group.sent.length = 0;
    await group.say('two');
    expect(group.sent.map(({ kind }) => kind)).toEqual(['targeted', 'group']);
    expect(devicesOf(group.sent[0]!)).toEqual([device]);
  });

  test('has typing encrypted once there is a key, and not for somebody who has gone', async () => {
    const plaintext = new Uint8Array(300);
    const encrypt = () =>
      group.store.transaction(async (transaction) => {
        const conversation = await getGroup(transaction, group.conversation);
        const input = { conversation: conversation!, plaintext };
        return encryptForGroup(group.deps, transaction, input);
      });
    expect(await encrypt()).toBeUndefined();
    await group.say('one');
    const ciphertext = await encrypt();
    const [, gone, member] = group.members;
    const record = await senderKeyOf(member!.devices[0]!);
    const place = { conversation: group.conversation, sender: group.deps.local.address };
    const opened = decryptGroupMessage(provider, record, { place, message: ciphertext! });
    expect(opened.plaintext).toEqual(plaintext);
    await group.change(({ members }) => ({
      members: members.filter((user) => user !== gone!.user),
    }));
    expect(await encrypt()).toBeUndefined();
  });

  test('whose log is refused gets nothing until that is settled', async () => {
    await group.say('one');
    await group.change(() => ({ broken: 'head.forked' }));
    const trouble = vi.fn();
    group.events.on('trouble', trouble);
    const said = group.say('two');
    await vi.waitFor(() => expect(trouble).toHaveBeenCalled());
    expect(sentOf('group')).toHaveLength(1);
    await group.change(() => ({ broken: undefined }));
    await group.reconnect();
    await said;
  });

  test('that this account has left gives up what waits', async () => {
    await group.say('one');
    group.judge = () => toProblem(new ApiError('message.busy'));
    void group.say('two');
    await vi.waitFor(() => expect(group.waitsFor).toBeDefined());
    const failed = vi.fn();
    group.events.on('failed', failed);
    await group.change(({ members }) => ({ members: members.slice(1) }));
    await vi.waitFor(() => expect(failed).toHaveBeenCalledOnce(), 10_000);
    expect(sentOf('group')).toHaveLength(1);
  });
});

/** The next group message is refused, since the platform counts other devices. */
function refuseOnceAsStale(): void {
  let isRefused = false;
  group.judge = ({ kind }) => {
    if (kind !== 'group' || isRefused) return undefined;
    isRefused = true;
    const audience = { version: 1, lists: versionsOf(group) };
    return toProblem(new ApiError('message.group-stale', { audience }));
  };
}

type Sent<Kind> = Extract<OutgoingMessage, { kind: Kind }>;

function sentOf<Kind extends OutgoingMessage['kind']>(kind: Kind): Sent<Kind>[] {
  return group.sent.filter((message): message is Sent<Kind> => message.kind === kind);
}

function devicesOf(message: OutgoingMessage) {
  return message.kind === 'group' ? [] : message.recipients.map(({ device }) => device);
}

/** The id of the chain that a message is by (docs/wire.md, section 6). */
function chainOf({ ciphertext }: Sent<'group'>): number {
  return new DataView(ciphertext.buffer, ciphertext.byteOffset).getUint32(3);
}

function changePeer(user: UserId, change: Partial<Peer>) {
  return group.store.transaction(async (transaction) => {
    const peer = await getPeer(transaction, user);
    await putRecord(transaction, keys.peer(peer!.user), [Peer, { ...peer!, ...change }]);
  });
}

/** What one device makes of everything that was sent: texts, and why one could not be read. */
async function readAs(device: GroupDevice): Promise<string[]> {
  let record: SenderKeyRecord | undefined;
  const texts: string[] = [];
  const store = openMemoryStore();
  await giveKeys(device, store);
  const { address: sender } = group.deps.local;
  const place = { conversation: group.conversation, sender };
  for (const message of group.sent) {
    const opened = { ...place, message: message.id };
    if (message.kind === 'group') {
      try {
        const input = { place, message: message.ciphertext };
        const decrypted = decryptGroupMessage(provider, record, input);
        record = decrypted.record;
        const content = decodeContent(openEnvelope(decrypted.plaintext, opened).content);
        texts.push(content.type === 'text' ? content.text : content.type);
      } catch (error) {
        texts.push((error as { code: string }).code);
      }
      continue;
    }
    const own = message.recipients.find((one) => one.device === device.local.address.device);
    if (own === undefined) continue;
    const plaintext = await decryptAs(device, store, own.ciphertext);
    const { content } = openEnvelope(plaintext, { ...opened, controlAllowed: true });
    const control = decodeControl(content);
    if (control?.type !== 'sender-key') continue;
    const { distribution } = control;
    record = acceptDistribution(provider, record, { ...place, distribution });
  }
  await store.close();
  return texts;
}

async function senderKeyOf(device: GroupDevice): Promise<SenderKeyRecord | undefined> {
  const store = openMemoryStore();
  await giveKeys(device, store);
  for (const message of sentOf('targeted')) {
    const own = message.recipients.find((one) => one.device === device.local.address.device);
    if (own === undefined) continue;
    const plaintext = await decryptAs(device, store, own.ciphertext);
    const { conversation } = group;
    const place = { conversation, message: message.id, sender: group.deps.local.address };
    const { content } = openEnvelope(plaintext, { ...place, controlAllowed: true });
    const control = decodeControl(content);
    if (control?.type !== 'sender-key') continue;
    const { distribution } = control;
    return acceptDistribution(provider, undefined, { conversation, distribution });
  }
  return undefined;
}

function giveKeys(device: GroupDevice, store: ReturnType<typeof openMemoryStore>) {
  const { id, keyPair, suites, signature } = device.signedPrekey;
  const signed = { id, ...keyPair, suites: [...suites], signature, published: true };
  return store.transaction(async (transaction) => {
    await putRecord(transaction, keys.signedPrekey(id), [SignedPrekeyRecord, signed]);
    for (const { id: oneTimeId, keyPair: pair } of device.oneTimePrekeys) {
      const record = { id: oneTimeId, ...pair };
      await putRecord(transaction, keys.oneTimePrekey(oneTimeId), [OneTimePrekeyRecord, record]);
    }
  });
}

function decryptAs(
  { local }: GroupDevice,
  store: ReturnType<typeof openMemoryStore>,
  ciphertext: Uint8Array,
): Promise<Uint8Array> {
  return store.transaction(async (transaction) => {
    const sessions = openSessions(transaction, { provider, local, clock: Date.now });
    const { address } = group.deps.local;
    const decrypted = await sessions.decrypt(address, ciphertext, undefined);
    await sessions.save();
    return decrypted.plaintext;
  });
}
