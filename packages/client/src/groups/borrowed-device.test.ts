/** An account that lists a device under the id of another account's: nothing of the two is taken for the same. */
import { ConversationId, DeviceId, MessageId, UserId } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { expect, test } from 'vitest';
import { Place } from '../messages/history-item.ts';
import { findPlace } from '../messages/message-place.ts';
import { keys } from '../store/key-space.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { putRecord } from '../store/stored-record.ts';
import { type FreshGroup, makeFreshGroup } from './fresh-group.fixture.ts';

const idOf = (number: number) => `018f0000-0000-7000-8000-00000000000${number}`;
const conversation = ConversationId.parse(idOf(1));
const message = MessageId.parse(idOf(2));
const device = DeviceId.parse(idOf(3));
const bob = { user: UserId.parse(idOf(4)), device };
const mallory = { user: UserId.parse(idOf(5)), device };

test('no record of the one is the record of the other', () => {
  const recordsOf = (address: typeof bob) => [
    keys.session(address),
    keys.senderKey(conversation, address),
    keys.senderCounter(conversation, address),
    keys.messageId(address, message),
    keys.wantedAgain(conversation, address, 1),
    keys.repair(conversation, address),
    keys.resendBudget(conversation, address.user),
    keys.logBudget(conversation, address.user),
    keys.sessionBudget(address.user),
    keys.againBudget(address.user),
    keys.controlBudget(conversation, address.user),
    keys.againPiece(conversation, 1, address),
  ];
  const all = [...recordsOf(bob), ...recordsOf(mallory)];
  expect(new Set(all).size).toBe(all.length);
});

test("a reference means its author's own message, and else the first one", async () => {
  const store = openMemoryStore();
  const about = { device, id: message };
  await store.transaction(async (transaction) => {
    await putRecord(transaction, keys.messageId(bob, message), [Place, { conversation, seq: 4 }]);
    const later = { conversation, seq: 9 };
    await putRecord(transaction, keys.messageId(mallory, message), [Place, later]);
    const find = async (author?: string) =>
      (await findPlace(transaction, conversation, { about, ...(author && { author }) }))?.seq;
    expect(await find()).toBe(4);
    expect(await find(bob.user)).toBe(4);
    expect(await find(mallory.user)).toBe(9);
    expect(await find(idOf(6))).toBe(4);
  });
  await store.close();
});

test('each gets what was encrypted for it, and when one of them goes there is another key', async () => {
  const group = await makeFreshGroup({
    ...{ provider: nodeProvider, store: openMemoryStore(), members: 3, devicesEach: 1 },
  });
  const [, honest, liar] = group.members;
  const borrowed = honest!.devices[0]!.local.address.device;
  group.addDevice(liar!, borrowed);
  group.dropDevice(liar!, liar!.devices[0]!);
  await group.say('with both');
  const [targeted] = group.sent;
  const recipients = targeted?.kind === 'targeted' ? targeted.recipients : [];
  expect(recipients.map((one) => one.device)).toEqual([borrowed, borrowed]);
  expect(recipients[0]!.ciphertext).not.toEqual(recipients[1]!.ciphertext);
  await group.change(({ members, head }) => ({
    members: members.filter((user) => user !== liar!.user),
    head: { ...head, version: 2 },
  }));
  await group.say('without one');
  const [before, after] = chainsOf(group);
  expect(after).not.toBe(before);
  await group.close();
});

/** The ids of the chains that messages are by (docs/wire.md, section 6). */
function chainsOf({ sent }: FreshGroup): number[] {
  return sent.flatMap((one) =>
    one.kind === 'group'
      ? [new DataView(one.ciphertext.buffer, one.ciphertext.byteOffset).getUint32(3)]
      : [],
  );
}
