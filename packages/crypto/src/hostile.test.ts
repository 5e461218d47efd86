/** Changed messages and malformed bytes: refused with a typed error, and without any effect. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeUuid, encodeUuid } from './address.ts';
import { ratchetDecrypt } from './double-ratchet.ts';
import { openEnvelope, sealEnvelope } from './envelope.ts';
import { CryptoError } from './errors.ts';
import { checkDecoder, type Decoder } from './fuzz.fixture.ts';
import { pad, unpad } from './padding.ts';
import {
  aliceAddress,
  bobAddress,
  type ClassicRecord,
  decrypt,
  encrypt,
  makeConversation,
  makeParty,
  now,
  type Party,
  start,
} from './parties.fixture.ts';
import { fastProvider as provider, runs } from './providers.fixture.ts';
import { decodeRatchetState, encodeRatchetState } from './ratchet-state.ts';
import {
  decodeSession,
  decodeSessionRecord,
  encodeSession,
  encodeSessionRecord,
} from './session-record.ts';
import { classicSuite } from './suite-classic.ts';
import {
  decodeHandshake,
  decodeRatchetMessage,
  encodeFirstMessage,
  encodeHandshake,
  encodeHeader,
  parseMessage,
} from './wire.ts';

/** Every message that differs from the given one in a single bit. */
function* withOneBitFlipped(message: Uint8Array): Generator<Uint8Array> {
  for (let bit = 0; bit < message.length * 8; bit++) {
    const changed = message.slice();
    changed[bit >> 3] = changed[bit >> 3]! ^ (1 << (bit & 7));
    yield changed;
  }
}

describe('any flipped bit is refused and leaves the record as it was', () => {
  const refuseAll = (
    to: Party,
    from: Party,
    { record, message }: { record: ClassicRecord | undefined; message: Uint8Array },
  ) => {
    const before = record && encodeSessionRecord(classicSuite, record);
    const prekeys = to.oneTimePrekeys.length;
    for (const changed of withOneBitFlipped(message)) {
      expect(() => decrypt(to, from, { record, message: changed })).toThrow(CryptoError);
    }
    expect(record && encodeSessionRecord(classicSuite, record)).toEqual(before);
    expect(to.oneTimePrekeys).toHaveLength(prekeys);
    expect(decrypt(to, from, { record, message }).plaintext).toEqual(Uint8Array.of(42));
  };
  const plaintext = Uint8Array.of(42);

  test('in an ongoing message that needs a ratchet step, and in one that does not', () => {
    const { alice, bob, aliceRecord, bobRecord } = makeConversation(provider);
    const sent = encrypt(bob, aliceRecord, plaintext);
    refuseAll(bob, alice, { record: bobRecord, message: sent.message });
    const received = decrypt(bob, alice, { record: bobRecord, message: sent.message });
    const again = encrypt(bob, sent.record, plaintext);
    refuseAll(bob, alice, { record: received.record, message: again.message });
  });

  test('in a message whose key was skipped', () => {
    const { alice, bob, aliceRecord, bobRecord } = makeConversation(provider);
    const first = encrypt(bob, aliceRecord, plaintext);
    const second = encrypt(bob, first.record, plaintext);
    const { record } = decrypt(bob, alice, { record: bobRecord, message: second.message });
    refuseAll(bob, alice, { record, message: first.message });
  });

  test('in a first message, before and after its session exists', () => {
    const alice = makeParty(provider, aliceAddress);
    const bob = makeParty(provider, bobAddress);
    const first = encrypt(bob, start(alice, bob), plaintext);
    const second = encrypt(bob, first.record, plaintext);
    const copy: Party = { ...bob, oneTimePrekeys: [...bob.oneTimePrekeys] };
    const { record } = decrypt(copy, alice, { record: undefined, message: first.message });
    for (const changed of withOneBitFlipped(first.message)) {
      expect(() => decrypt(bob, alice, { record: undefined, message: changed })).toThrow(
        CryptoError,
      );
    }
    refuseAll(copy, alice, { record, message: second.message });
  });
});

const conversation = makeConversation(provider);
const { aliceRecord, alice, bob } = conversation;
const skipping = encrypt(bob, encrypt(bob, aliceRecord, Uint8Array.of(1)).record, Uint8Array.of(2));
const skipped = decrypt(bob, alice, { record: conversation.bobRecord, message: skipping.message });
const fresh = start(alice, bob, aliceRecord);
const first = encrypt(bob, fresh, Uint8Array.of(3)).message;
const envelope = {
  conversation: alice.local.address.user,
  message: bob.local.address.user,
  sender: aliceAddress,
  counter: 3,
  time: now,
  membership: { version: 2, hash: new Uint8Array(32) },
  deviceLists: [{ user: aliceAddress.user, version: 1, hash: new Uint8Array(32) }],
  content: new Uint8Array(4),
};

const decoders: Decoder[] = [
  {
    name: 'ratchet messages',
    samples: [skipping.message],
    roundTrip: (bytes) => {
      const message = decodeRatchetMessage(bytes);
      return Uint8Array.of(...encodeHeader(message), ...message.ciphertext);
    },
  },
  {
    name: 'messages',
    samples: [skipping.message, first],
    roundTrip: (bytes) => {
      const parsed = parseMessage(bytes);
      return parsed.kind === 'ongoing'
        ? parsed.inner
        : encodeFirstMessage(parsed.handshake, parsed.inner);
    },
  },
  {
    name: 'handshakes',
    samples: [fresh.current!.pendingHandshake!],
    roundTrip: (bytes) => encodeHandshake(decodeHandshake(bytes)),
  },
  {
    name: 'ratchet states',
    samples: [fresh, skipped.record, aliceRecord].map(({ current }) =>
      encodeRatchetState(current!.state),
    ),
    roundTrip: (bytes) => encodeRatchetState(decodeRatchetState(bytes)),
  },
  {
    name: 'sessions',
    samples: [fresh, skipped.record].map(({ current }) => encodeSession(classicSuite, current!)),
    roundTrip: (bytes) => encodeSession(classicSuite, decodeSession(classicSuite, bytes)),
  },
  {
    name: 'session records',
    samples: [fresh, skipped.record].map((record) => encodeSessionRecord(classicSuite, record)),
    roundTrip: (bytes) =>
      encodeSessionRecord(classicSuite, decodeSessionRecord(classicSuite, bytes)),
  },
  { name: 'paddings', samples: [pad(new Uint8Array(5))], roundTrip: (bytes) => pad(unpad(bytes)) },
  {
    name: 'envelopes',
    samples: [unpad(sealEnvelope(envelope))],
    roundTrip: (bytes) => unpad(sealEnvelope(openEnvelope(pad(bytes), envelope))),
  },
  {
    name: 'UUIDs',
    samples: [encodeUuid(aliceAddress.user)],
    roundTrip: (bytes) => encodeUuid(decodeUuid(bytes)),
  },
];

describe('whatever bytes a decoder is given', () => {
  test.each(decoders)('$name come back as they were, or a typed error does', checkDecoder, 600_000);

  test('malformed messages never reach a key', () => {
    const { state } = conversation.bobRecord.current!;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(() => ratchetDecrypt(provider, state, bytes)).toThrow(CryptoError);
      }),
      { numRuns: runs(2_000) },
    );
  });
});
