import { randomBytes, randomUUID } from 'node:crypto';
import { ConversationId, DeviceId, type Recipient } from '@sotto/api';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { contentDigest, deviceBytes, findCiphertext, packRecipients } from './packed-recipients.ts';

const recipient = fc.record({
  device: fc.uuid({ version: 4 }).map((id) => DeviceId.parse(id)),
  ciphertext: fc.uint8Array({ minLength: 1, maxLength: 200 }),
});
const recipients = fc.uniqueArray(recipient, { maxLength: 12, selector: ({ device }) => device });

test('every device finds its own ciphertext, and no other device finds any', () => {
  fc.assert(
    fc.property(recipients, (list) => {
      const packed = packRecipients(list);
      for (const { device, ciphertext } of list) {
        const found = findCiphertext(packed, deviceBytes(device));
        expect(found && Uint8Array.from(found)).toEqual(ciphertext);
      }
      expect(findCiphertext(packed, deviceBytes(randomUUID()))).toBeUndefined();
    }),
  );
});

test('the bytes do not depend on the order in which recipients are named', () => {
  fc.assert(
    fc.property(recipients, (list) => {
      expect(packRecipients(list.toReversed())).toEqual(packRecipients(list));
    }),
  );
});

test("a ciphertext that holds another device's id opens nothing to it", () => {
  const [device, other] = [DeviceId.parse(randomUUID()), randomUUID()];
  const ciphertext = Buffer.concat([deviceBytes(other), Buffer.of(0, 0, 0, 1, 9)]);
  expect(
    findCiphertext(packRecipients([{ device, ciphertext }]), deviceBytes(other)),
  ).toBeUndefined();
});

test('a device that is named twice is refused', () => {
  const device = DeviceId.parse(randomUUID());
  const twice: Recipient[] = [randomBytes(3), randomBytes(3)].map((ciphertext) => ({
    device,
    ciphertext,
  }));
  expect(() => packRecipients(twice)).toThrow('a device is named twice');
});

test('truncated bytes are an error, not an empty slot', () => {
  const device = DeviceId.parse(randomUUID());
  const packed = packRecipients([{ device, ciphertext: randomBytes(8) }]);
  for (let length = 1; length < packed.length; length += 1) {
    expect(() => findCiphertext(packed.subarray(0, length), deviceBytes(randomUUID()))).toThrow(
      RangeError,
    );
  }
});

test('the digest names kind, conversation and ciphertexts', () => {
  const [one, two] = [ConversationId.parse(randomUUID()), ConversationId.parse(randomUUID())];
  const packed = packRecipients([
    { device: DeviceId.parse(randomUUID()), ciphertext: randomBytes(8) },
  ]);
  const other = Buffer.from(packed);
  other[25] = (other[25] ?? 0) ^ 1;
  const digests = [
    contentDigest({ kind: 'direct', conversation: one, packed }),
    contentDigest({ kind: 'targeted', conversation: one, packed }),
    contentDigest({ kind: 'direct', conversation: two, packed }),
    contentDigest({ kind: 'direct', conversation: one, packed: other }),
  ].map((digest) => digest.toString('hex'));
  expect(new Set(digests).size).toBe(4);
  expect(contentDigest({ kind: 'direct', conversation: one, packed }).toString('hex')).toBe(
    digests[0],
  );
});
