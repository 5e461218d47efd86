/** The last value that is taken and the first that is not, in signed lists, logs and sender keys. */
import { describe, expect, test } from 'vitest';
import { concat } from './bytes.ts';
import { withCode } from './crypto-error.fixture.ts';
import { decodeDeviceList, signDeviceList } from './device-list.ts';
import { PLAINTEXT_BYTES_MAX } from './limits.ts';
import { decodeMembershipEntry } from './membership-entry.ts';
import { createMembershipLog, signMembershipEntry } from './membership-log.ts';
import { aliceAddress, bobAddress, now } from './parties.fixture.ts';
import { makeIdentity } from './prekeys.ts';
import { fastProvider as provider } from './providers.fixture.ts';
import {
  acceptDistribution,
  decryptGroupMessage,
  encodeDistribution,
  encryptGroupMessage,
  makeSenderChain,
} from './sender-key.ts';
import {
  decodeSenderKeyRecord,
  encodeSenderKeyRecord,
  type SenderKeyRecord,
  SKIPPED_SEED_BYTES,
} from './sender-key-state.ts';
import { decodeGroupMessage } from './sender-key-wire.ts';

const conversation = '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4c01';
const place = { conversation, sender: aliceAddress };

describe('a sender key', () => {
  const makeSender = () => {
    let chain = makeSenderChain(provider);
    const distribution = encodeDistribution(chain, conversation);
    const send = (value: number) => {
      const plaintext = Uint8Array.of(value);
      const sent = encryptGroupMessage(provider, chain, { place, plaintext });
      chain = sent.chain;
      return sent.message;
    };
    return { distribution, send };
  };
  const accept = (record: SenderKeyRecord | undefined, distribution: Uint8Array) =>
    acceptDistribution(provider, record, { distribution, conversation });

  test('finds a skipped message by its chain, not by its number alone', () => {
    const senders = [makeSender(), makeSender()];
    let record: SenderKeyRecord | undefined;
    const receive = (message: Uint8Array) => {
      const opened = decryptGroupMessage(provider, record, { place, message });
      record = opened.record;
      return opened.plaintext[0];
    };
    for (const { distribution } of senders) record = accept(record, distribution);
    const skipped = senders.map(({ send }, index) => send(index));
    for (const { send } of senders) receive(send(9));
    expect(skipped.toReversed().map(receive)).toEqual([1, 0]);
  });

  test('record holds five chains and two thousand seeds, and no more', () => {
    const [chain] = accept(undefined, makeSender().distribution).chains;
    const decode = (chains: number, seeds: number) => {
      const skipped = new Uint8Array(seeds * SKIPPED_SEED_BYTES);
      const record = { chains: Array.from({ length: chains }, () => chain!), skipped };
      return decodeSenderKeyRecord(encodeSenderKeyRecord(record));
    };
    expect(decode(5, 2000).chains).toHaveLength(5);
    expect(() => decode(6, 0)).toThrow(withCode('encoding.invalid'));
    expect(() => decode(1, 2001)).toThrow(withCode('encoding.invalid'));
  });

  test('seals the largest plaintext, and no message is larger than the limit', () => {
    const plaintext = new Uint8Array(PLAINTEXT_BYTES_MAX);
    const chain = makeSenderChain(provider);
    const { message } = encryptGroupMessage(provider, chain, { place, plaintext });
    const largest = concat(message, new Uint8Array(65 * 1024 - message.length));
    expect(decodeGroupMessage(largest).signature).toHaveLength(64);
    expect(() => decodeGroupMessage(concat(largest, Uint8Array.of(0)))).toThrow(
      withCode('encoding.invalid'),
    );
  });
});

test('a membership entry is the first exactly if it has number 1 and no hash before it', () => {
  const author = { user: aliceAddress.user, identity: makeIdentity(provider) };
  const first = createMembershipLog(provider, author, { conversation, time: now, users: [] });
  const second = signMembershipEntry(
    provider,
    { author, membership: first.membership },
    { action: { type: 'add', users: [bobAddress.user] }, time: now },
  );
  const versionEnd = 2 + 16 + 3;
  const hashStart = versionEnd + 1;
  const unlinked = second.encoded.slice();
  unlinked.fill(0, hashStart, hashStart + 32);
  expect(decodeMembershipEntry(second.encoded).entry.version).toBe(2);
  for (const changed of [
    first.encoded.with(versionEnd, 2),
    first.encoded.with(hashStart, 1),
    second.encoded.with(versionEnd, 0),
    second.encoded.with(versionEnd, 1),
    unlinked,
  ]) {
    expect(() => decodeMembershipEntry(changed)).toThrow(withCode('encoding.invalid'));
  }
});

test('a device list has at most six devices, each with a registration of 14 bits', () => {
  const headerBytes = 1 + 16 + 4 + 32 + 8 + 1;
  const entryBytes = 16 + 32 + 2;
  const device = (digit: number) => ({
    device: `0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4ad${digit}`,
    deviceKey: new Uint8Array(32),
    registrationId: 1,
  });
  const { encoded } = signDeviceList(provider, makeIdentity(provider), {
    user: aliceAddress.user,
    time: now,
    devices: Array.from({ length: 6 }, (_, index) => device(index)),
    previous: undefined,
  });
  expect(decodeDeviceList(encoded).list.devices).toHaveLength(6);

  const entriesEnd = headerBytes + 6 * entryBytes;
  const seventh = encoded.slice(entriesEnd - entryBytes, entriesEnd);
  seventh[15] = seventh[15]! + 1;
  const seven = concat(encoded.subarray(0, entriesEnd), seventh, encoded.subarray(entriesEnd));
  const unregistered = encoded.with(entriesEnd - 1, 0);
  for (const changed of [seven.with(headerBytes - 1, 7), unregistered]) {
    expect(() => decodeDeviceList(changed)).toThrow(withCode('encoding.invalid'));
  }
});
