/** Group messages: schedules, hostile senders and members, bounds, and stored state. */
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { concat, utf8 } from './bytes.ts';
import { withCode } from './crypto-error.fixture.ts';
import { CryptoError } from './errors.ts';
import { checkDecoder } from './fuzz.fixture.ts';
import { SENDER_CHAIN_FORWARD_MAX } from './limits.ts';
import { aliceAddress, bobAddress } from './parties.fixture.ts';
import { countingProvider, fastProvider, providers } from './providers.fixture.ts';
import {
  acceptDistribution,
  decryptGroupMessage,
  encodeDistribution,
  encryptGroupMessage,
  makeSenderChain,
} from './sender-key.ts';
import {
  decodeSenderChain,
  decodeSenderKeyRecord,
  encodeSenderChain,
  encodeSenderKeyRecord,
  type SenderChain,
  type SenderKeyRecord,
} from './sender-key-state.ts';
import {
  decodeDistributionMessage,
  decodeGroupMessage,
  encodeDistributionMessage,
  encodeGroupHeader,
} from './sender-key-wire.ts';
import { u32be } from './u32be.fixture.ts';
import { parseMessage } from './wire.ts';

const conversation = '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4c01';
const otherConversation = '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4c02';
const place = { conversation, sender: aliceAddress };
const provider = fastProvider;

/** Messages 0 to `count` − 1 of a chain; message n has the plaintext n, four bytes. */
function send(chain: SenderChain, count: number) {
  const messages: Uint8Array[] = [];
  let current = chain;
  for (let number = 0; number < count; number++) {
    const sent = encryptGroupMessage(provider, current, { place, plaintext: u32be(number) });
    messages.push(sent.message);
    current = sent.chain;
  }
  return { messages, chain: current };
}

function accept(chain: SenderChain, record?: SenderKeyRecord): SenderKeyRecord {
  const distribution = encodeDistribution(chain, conversation);
  return acceptDistribution(provider, record, { distribution, conversation });
}

/** The chain as if it had sent so many messages. */
function at(chain: SenderChain, counter: number): SenderChain {
  return { ...chain, chain: { ...chain.chain, counter } };
}

const decrypt = (record: SenderKeyRecord | undefined, message: Uint8Array) =>
  decryptGroupMessage(provider, record, { place, message });

describe.each(providers)('sender keys with $name', (each) => {
  test('carry messages in order, with both ends stored in between', () => {
    let chain = makeSenderChain(each);
    const distribution = encodeDistribution(chain, conversation);
    let record = acceptDistribution(each, undefined, { distribution, conversation });
    for (const text of ['one', 'two', '']) {
      const sent = encryptGroupMessage(each, chain, { place, plaintext: utf8(text) });
      const received = decryptGroupMessage(each, record, { place, message: sent.message });
      expect(received.plaintext).toEqual(utf8(text));
      chain = decodeSenderChain(encodeSenderChain(sent.chain));
      record = decodeSenderKeyRecord(encodeSenderKeyRecord(received.record));
    }
  });
});

describe('a sender key', () => {
  let chain: SenderChain;
  let record: SenderKeyRecord;

  beforeEach(() => {
    chain = makeSenderChain(provider);
    record = accept(chain);
  });

  test('decrypts each delivered message once, whatever is dropped, repeated or reordered', () => {
    const { messages } = send(chain, 60);
    const deliveries = fc.array(fc.nat({ max: 59 }), { maxLength: 150 });
    const property = fc.property(deliveries, (schedule) => {
      let state = record;
      const seen = new Set<number>();
      for (const number of schedule) {
        if (seen.has(number)) {
          expect(() => decrypt(state, messages[number]!)).toThrow(withCode('message.duplicate'));
          continue;
        }
        const received = decrypt(state, messages[number]!);
        expect(received.plaintext).toEqual(u32be(number));
        state = received.record;
        seen.add(number);
      }
      expect(decodeSenderKeyRecord(encodeSenderKeyRecord(state))).toEqual(state);
    });
    fc.assert(property, { numRuns: 100 });
  });

  test('with any bit of a message changed fails and leaves the record as it was', () => {
    const { message } = encryptGroupMessage(provider, chain, { place, plaintext: utf8('hi') });
    const before = encodeSenderKeyRecord(record);
    for (let bit = 0; bit < message.length * 8; bit++) {
      const changed = message.with(bit >> 3, message[bit >> 3]! ^ (1 << (bit & 7)));
      expect(() => decrypt(record, changed)).toThrow(CryptoError);
    }
    expect(encodeSenderKeyRecord(record)).toEqual(before);
    expect(decrypt(record, message).plaintext).toEqual(utf8('hi'));
  });

  test('does not decrypt in another conversation or as of another device or account', () => {
    const { message } = encryptGroupMessage(provider, chain, { place, plaintext: utf8('hi') });
    const elsewhere = [
      { conversation: otherConversation, sender: aliceAddress },
      { conversation, sender: { ...aliceAddress, device: bobAddress.device } },
      { conversation, sender: { ...aliceAddress, user: bobAddress.user } },
    ];
    for (const wrong of elsewhere) {
      expect(() => decryptGroupMessage(provider, record, { place: wrong, message })).toThrow(
        withCode('message.undecryptable'),
      );
    }
  });

  test('in the hands of a member cannot speak for the sender', () => {
    const member = makeSenderChain(provider);
    const forged = { ...chain, signing: member.signing };
    const { message } = encryptGroupMessage(provider, forged, { place, plaintext: utf8('hi') });
    expect(() => decrypt(record, message)).toThrow(withCode('message.undecryptable'));
  });

  test('is asked for when a message of an unknown chain comes', () => {
    const [message] = send(makeSenderChain(provider), 1).messages;
    expect(() => decrypt(undefined, message!)).toThrow(withCode('sender-key.unknown'));
    expect(() => decrypt(record, message!)).toThrow(withCode('sender-key.unknown'));
  });

  test('that is handed out later opens later messages only', () => {
    const { messages, chain: later } = send(chain, 3);
    const latecomer = accept(later);
    for (const message of messages) {
      expect(() => decrypt(latecomer, message)).toThrow(withCode('message.duplicate'));
    }
    const next = encryptGroupMessage(provider, later, { place, plaintext: utf8('now') });
    expect(decrypt(latecomer, next.message).plaintext).toEqual(utf8('now'));
  });

  test('that was used cannot read what came before', () => {
    const { messages } = send(chain, 3);
    const { record: used } = decrypt(record, messages[2]!);
    const captured = { ...used, skipped: new Uint8Array(0) };
    for (const message of messages) {
      expect(() => decrypt(captured, message)).toThrow(withCode('message.duplicate'));
    }
  });

  test('goes 25 000 messages ahead and no further, refused without a single operation', () => {
    const message = send(at(chain, SENDER_CHAIN_FORWARD_MAX + 1), 1).messages[0]!;
    const counting = countingProvider(provider);
    expect(() => decryptGroupMessage(counting.provider, record, { place, message })).toThrow(
      withCode('message.too-far-ahead'),
    );
    expect(counting.count()).toBe(0);
  });

  test('keeps the 2 000 newest seeds of a long jump, and drops older ones for newer', () => {
    let current = chain;
    const messages: Uint8Array[] = [];
    for (let number = 0; number < 5_002; number++) {
      const sent = encryptGroupMessage(provider, current, { place, plaintext: u32be(number) });
      messages.push(sent.message);
      current = sent.chain;
    }
    const jumped = decrypt(record, messages[5_000]!).record;
    expect(() => decrypt(jumped, messages[2_999]!)).toThrow(withCode('message.duplicate'));
    expect(decrypt(jumped, messages[3_000]!).plaintext).toEqual(u32be(3_000));
    const other = makeSenderChain(provider);
    const two = send(other, 2).messages;
    const full = decrypt(accept(other, jumped), two[1]!).record;
    expect(() => decrypt(full, messages[3_000]!)).toThrow(withCode('message.duplicate'));
    expect(decrypt(full, messages[3_001]!).plaintext).toEqual(u32be(3_001));
    expect(decrypt(full, two[0]!).plaintext).toEqual(u32be(0));
    expect(encodeSenderKeyRecord(full)).toHaveLength(2 + 2 * 72 + 2 + 2_000 * 40);
  });

  test('reaches exactly 25 000 ahead', () => {
    let ahead = chain.chain;
    for (let step = 0; step < SENDER_CHAIN_FORWARD_MAX; step++) {
      const key = provider.hmacSha256(ahead.key, Uint8Array.of(2)) as typeof ahead.key;
      ahead = { key, counter: ahead.counter + 1 };
    }
    const sent = encryptGroupMessage(
      provider,
      { ...chain, chain: ahead },
      { place, plaintext: utf8('far') },
    );
    expect(decrypt(record, sent.message).plaintext).toEqual(utf8('far'));
  });

  test('ends at its last counter', () => {
    const last = at(chain, 2 ** 32 - 2);
    const sent = encryptGroupMessage(provider, last, { place, plaintext: utf8('last') });
    expect(decrypt(accept(last), sent.message).plaintext).toEqual(utf8('last'));
    const after = decodeSenderChain(encodeSenderChain(sent.chain));
    expect(() => encryptGroupMessage(provider, after, { place, plaintext: utf8('x') })).toThrow(
      withCode('session.expired'),
    );
    const used = decrypt(accept(last), sent.message).record;
    expect(decodeSenderKeyRecord(encodeSenderKeyRecord(used))).toEqual(used);
  });

  test('with the counter 2³²−1 is refused before any operation', () => {
    const [message] = send(chain, 1).messages;
    const counting = countingProvider(provider);
    const forged = concat(message!.subarray(0, 7), u32be(0xffff_ffff), message!.subarray(11));
    expect(() =>
      decryptGroupMessage(counting.provider, record, { place, message: forged }),
    ).toThrow(withCode('encoding.invalid'));
    expect(counting.count()).toBe(0);
  });

  test('never encrypts twice under one key, even after its state was rolled back', () => {
    const encrypt = () => encryptGroupMessage(provider, chain, { place, plaintext: utf8('same') });
    expect(encrypt().message.slice(27, -64)).not.toEqual(encrypt().message.slice(27, -64));
  });

  test('refuses a plaintext that is too long for any message', () => {
    const plaintext = new Uint8Array(64 * 1024 + 1);
    expect(() => encryptGroupMessage(provider, chain, { place, plaintext })).toThrow(
      withCode('input.invalid'),
    );
  });
});

describe('a distribution message', () => {
  test('that comes again changes nothing', () => {
    const chain = makeSenderChain(provider);
    const { messages } = send(chain, 3);
    const used = decrypt(accept(chain), messages[1]!).record;
    expect(accept(chain, used)).toBe(used);
  });

  test('of a sixth chain drops the oldest with its skipped seeds, and keeps those of the others', () => {
    const chains = Array.from({ length: 6 }, () => makeSenderChain(provider));
    let record: SenderKeyRecord | undefined;
    for (const chain of chains.slice(0, 5)) {
      record = decrypt(accept(chain, record), send(chain, 2).messages[1]!).record;
    }
    const rotated = accept(chains[5]!, record);
    expect(rotated.chains).toHaveLength(5);
    expect(() => decrypt(rotated, send(chains[0]!, 1).messages[0]!)).toThrow(
      withCode('sender-key.unknown'),
    );
    expect(rotated.skipped).toHaveLength(4 * 40);
    expect(decodeSenderKeyRecord(encodeSenderKeyRecord(rotated))).toEqual(rotated);
  });

  test('with a known id and another key replaces that chain and what was skipped of it', () => {
    const first = makeSenderChain(provider);
    const used = decrypt(accept(first), send(first, 3).messages[2]!).record;
    const second = { ...makeSenderChain(provider), id: first.id };
    const replaced = accept(second, used);
    expect(replaced.chains).toHaveLength(1);
    expect(replaced.skipped).toHaveLength(0);
    expect(decrypt(replaced, send(second, 1).messages[0]!).plaintext).toEqual(u32be(0));
  });

  test('is refused in another conversation, with a bad key, or at a counter that has no message', () => {
    const chain = makeSenderChain(provider);
    const distribution = encodeDistribution(chain, otherConversation);
    expect(() => acceptDistribution(provider, undefined, { distribution, conversation })).toThrow(
      withCode('envelope.mismatch'),
    );
    const good = encodeDistribution(chain, conversation);
    const lowOrder = concat(good.subarray(0, -32), new Uint8Array(32));
    expect(() =>
      acceptDistribution(provider, undefined, { distribution: lowOrder, conversation }),
    ).toThrow(withCode('key.low-order'));
    const usedUp = encodeDistribution(at(chain, 2 ** 32 - 1), conversation);
    expect(() =>
      acceptDistribution(provider, undefined, { distribution: usedUp, conversation }),
    ).toThrow(withCode('encoding.invalid'));
  });

  test('is no group message and no pairwise message, and neither of them is one', () => {
    const chain = makeSenderChain(provider);
    const distribution = encodeDistribution(chain, conversation);
    const [message] = send(chain, 1).messages;
    expect(() => decrypt(accept(chain), distribution)).toThrow(withCode('encoding.invalid'));
    expect(() => parseMessage(distribution)).toThrow(withCode('encoding.invalid'));
    expect(() => parseMessage(message!)).toThrow(withCode('encoding.invalid'));
    expect(() =>
      acceptDistribution(provider, undefined, { distribution: message!, conversation }),
    ).toThrow(withCode('encoding.invalid'));
  });
});

describe('the decoders of sender keys', () => {
  const chain = makeSenderChain(provider);
  const { messages } = send(chain, 4);
  const record = decrypt(accept(chain), messages[3]!).record;

  const decoders = [
    {
      name: 'sender chains',
      samples: [encodeSenderChain(chain)],
      roundTrip: (bytes: Uint8Array) => encodeSenderChain(decodeSenderChain(bytes)),
    },
    {
      name: 'sender key records',
      samples: [encodeSenderKeyRecord(record)],
      roundTrip: (bytes: Uint8Array) => encodeSenderKeyRecord(decodeSenderKeyRecord(bytes)),
    },
    {
      name: 'distribution messages',
      samples: [encodeDistribution(chain, conversation)],
      roundTrip: (bytes: Uint8Array) => encodeDistributionMessage(decodeDistributionMessage(bytes)),
    },
    {
      name: 'group messages',
      samples: messages,
      roundTrip: (bytes: Uint8Array) => {
        const message = decodeGroupMessage(bytes);
        return concat(encodeGroupHeader(message), message.ciphertext, message.signature);
      },
    },
  ];

  test.each(decoders)('give $name back as they were, or a typed error', checkDecoder, 600_000);

  test('take no longer, shorter or newer encoding', () => {
    const encoded = encodeSenderKeyRecord(record);
    const ownChain = encodeSenderChain(chain);
    const strict = [
      [decodeSenderKeyRecord, encoded],
      [decodeSenderChain, ownChain],
    ] as const;
    for (const [decode, bytes] of strict) {
      expect(() => decode(concat(bytes, Uint8Array.of(0)))).toThrow(withCode('encoding.invalid'));
      expect(() => decode(bytes.subarray(0, -1))).toThrow(withCode('encoding.invalid'));
      expect(() => decode(bytes.with(0, 2))).toThrow(withCode('encoding.unsupported'));
    }
    expect(() => decodeSenderKeyRecord(encoded.with(1, 6))).toThrow(withCode('encoding.invalid'));
    expect(() => decrypt(record, messages[0]!.with(1, 2))).toThrow(
      withCode('encoding.unsupported'),
    );
  });
});
