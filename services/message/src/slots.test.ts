import { randomBytes, randomUUID } from 'node:crypto';
import { ConversationId, DeviceId, MessageId, ServerFrame, Slot, UserId } from '@sotto/api';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { decodeBatch, encodeBatch, type FanoutBatch } from './fanout-batch.ts';
import { deviceBytes, packRecipients } from './packed-recipients.ts';
import { slotsAbove, slotsOf, slotText } from './slots.ts';
import { NO_DEVICE, NO_USER, type StoredMessage } from './stored-message.ts';

const conversation = ConversationId.parse(randomUUID());
const [me, other] = [DeviceId.parse(randomUUID()), DeviceId.parse(randomUUID())];
const reader = { device: me, bytes: deviceBytes(me) };

function message(seq: number, from: DeviceId, to: DeviceId): StoredMessage {
  return {
    conversation,
    seq,
    id: MessageId.parse(randomUUID()),
    kind: seq % 2 === 0 ? 'direct' : 'targeted',
    sender: { user: UserId.parse(randomUUID()), device: from },
    sentAt: new Date(1_800_000_000_000 + seq).toISOString(),
    packed: packRecipients([{ device: to, ciphertext: randomBytes(1 + (seq % 40)) }]),
  };
}

/** Which places hold a message for me, one for another device, one of mine, or have been dropped. */
const places = fc.array(fc.constantFrom('mine', 'theirs', 'own', 'dropped'), {
  minLength: 1,
  maxLength: 40,
});

test('slots cover every place of a range exactly once, with the messages where they were', () => {
  fc.assert(
    fc.property(places, fc.integer({ min: 1, max: 1_000 }), (kinds, from) => {
      const messages = kinds.flatMap((kind, index) => {
        if (kind === 'dropped') return [];
        const sender = kind === 'own' ? me : other;
        return [message(from + index, sender, kind === 'theirs' ? other : me)];
      });
      const slots = slotsOf(messages, reader, { from, to: from + kinds.length - 1, at: 0 });
      expect(placesOf(slots)).toEqual(kinds.map((_, index) => from + index));
      const read = slots.flatMap((slot) => (slot.type === 'message' ? [slot.seq] : []));
      expect(read).toEqual(kinds.flatMap((kind, index) => (kind === 'mine' ? [from + index] : [])));
      const runs = slots.map((slot) => slot.type);
      expect(runs.some((type, index) => type === 'none' && runs[index + 1] === 'none')).toBe(false);
    }),
  );
});

test('what is above a place is all of it and nothing else, also where a run of empty places goes across', () => {
  fc.assert(
    fc.property(places, fc.nat({ max: 45 }), (kinds, place) => {
      const messages = kinds.flatMap((kind, index) =>
        kind === 'dropped' ? [] : [message(1 + index, other, kind === 'mine' ? me : other)],
      );
      const slots = slotsOf(messages, reader, { from: 1, to: kinds.length, at: 0 });
      const above = placesOf(slots).filter((seq) => seq > place);
      expect(placesOf(slotsAbove(place, slots))).toEqual(above);
    }),
  );
});

test("the text of a slot is what the contract's schema would write", () => {
  const slots = slotsOf([message(3, other, me), message(4, other, me)], reader, {
    from: 1,
    to: 6,
    at: 0,
  });
  for (const slot of slots) expect(JSON.parse(slotText(slot))).toEqual(z.encode(Slot, slot));
  const text = `{"type":"slots","conversation":"${conversation}","slots":[${slots.map(slotText).join(',')}]}`;
  expect(z.decode(ServerFrame, JSON.parse(text))).toMatchObject({
    type: 'slots',
    slots: { length: 4 },
  });
});

test('what is for everybody is made once, and is nothing for the device that sent it', () => {
  const body = randomBytes(20);
  const group: StoredMessage = { ...message(1, other, me), kind: 'group', packed: body };
  const sender = { user: NO_USER, device: NO_DEVICE };
  const entry: StoredMessage = { ...group, seq: 2, kind: 'membership', sender };
  const third = DeviceId.parse(randomUUID());
  const slotsFor = (device: DeviceId) =>
    slotsOf([group, entry], { device, bytes: deviceBytes(device) }, { from: 1, to: 2, at: 0 });
  const [mine, theirs, own] = [me, third, other].map(slotsFor);
  expect(mine?.map((slot) => z.encode(Slot, slot))).toEqual([
    expect.objectContaining({ type: 'message', kind: 'group', seq: 1 }),
    expect.objectContaining({ type: 'membership', seq: 2 }),
  ]);
  for (const [index, slot] of (mine ?? []).entries()) {
    expect(slot).toBe(theirs?.[index]);
    expect(JSON.parse(slotText(slot))).toEqual(z.encode(Slot, slot));
  }
  expect(own).toEqual([{ type: 'none', from: 1, to: 1 }, mine?.[1]]);
  const groups = [{ conversation, version: 1, messages: [group, entry] }];
  expect(decodeBatch(encodeBatch({ type: 'messages', node: 'n1', groups }))).toMatchObject({
    groups: [{ messages: [{ kind: 'group' }, { kind: 'membership', sender, packed: body }] }],
  });
});

test('a batch comes out of the bus as it went in', () => {
  const batches: FanoutBatch[] = [
    {
      type: 'messages',
      node: 'n1',
      groups: [
        { conversation, version: 3, messages: [message(1, me, other), message(2, other, me)] },
        {
          conversation: ConversationId.parse(randomUUID()),
          version: 1,
          messages: [message(9, me, other)],
        },
      ],
    },
    { type: 'references', node: '', references: [{ conversation, first: 3, last: 9 }] },
    { type: 'catch-up', node: '' },
  ];
  for (const batch of batches) {
    const bytes = encodeBatch(batch);
    const decoded = decodeBatch(Uint8Array.from(bytes));
    expect(encodeBatch(decoded)).toEqual(bytes);
    expect(decoded.type).toBe(batch.type);
  }
  const [first] = batches;
  const decoded = first && decodeBatch(encodeBatch(first));
  expect(decoded).toMatchObject({
    groups: [{ version: 3, messages: [{ seq: 1 }, { seq: 2 }] }, {}],
  });
});

test('a truncated batch is an error', () => {
  const bytes = encodeBatch({
    type: 'messages',
    node: 'n1',
    groups: [{ conversation, version: 1, messages: [message(1, me, other)] }],
  });
  for (const length of [0, 3, 20, bytes.length - 1]) {
    expect(() => decodeBatch(bytes.subarray(0, length))).toThrow();
  }
});

/** Every place that slots stand for, in their order. */
function placesOf(slots: readonly Slot[]): number[] {
  return slots.flatMap((slot) => {
    if (slot.type !== 'none') return [slot.seq];
    return Array.from({ length: slot.to - slot.from + 1 }, (_, index) => slot.from + index);
  });
}
