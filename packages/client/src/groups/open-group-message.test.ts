/** Group messages on their way in: whose key, which log, and said to whom. */
import { ConversationId, DeviceId, UserId } from '@sotto/api';
import {
  CryptoError,
  type Envelope,
  encodeDistribution,
  encryptGroupMessage,
  makeSenderChain,
} from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { beforeEach, describe, expect, test } from 'vitest';
import type { GroupRecord } from '../messages/conversation-record.ts';
import { keys } from '../store/key-space.ts';
import type { Store } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { putRecord } from '../store/stored-record.ts';
import { LoggedEntry, putGroup } from './group-log.ts';
import {
  assertSaidToAll,
  decryptInGroup,
  judgeMembership,
  takeSenderKey,
} from './open-group-message.ts';

const provider = nodeProvider;
const conversation = ConversationId.parse('018f0000-0000-7000-8000-00000000000a');
const elsewhere = ConversationId.parse('018f0000-0000-7000-8000-00000000000b');
const sender = {
  user: UserId.parse('018f0000-0000-7000-8000-00000000000c'),
  device: DeviceId.parse('018f0000-0000-7000-8000-00000000000d'),
};
const hashOf = (version: number) => new Uint8Array(32).fill(version);
const headOf = (version: number) => ({ version, hash: hashOf(version) });
const group: GroupRecord = {
  ...{ id: conversation, kind: 'group', members: [sender.user], admins: [sender.user] },
  ...{ since: [1], head: headOf(3) },
};
let store: Store;

beforeEach(async () => {
  store = openMemoryStore();
  await store.transaction(async (transaction) => {
    await putGroup(transaction, group);
    for (let version = 1; version <= 3; version++) {
      const logged = { ...headOf(version), seq: version, entry: new Uint8Array(1) };
      await putRecord(transaction, keys.groupEntry(conversation, version), [LoggedEntry, logged]);
    }
  });
  return () => store.close();
});

describe('a sender key', () => {
  test('opens what its device sends from then on', async () => {
    const chain = makeSenderChain(provider);
    await take(encodeDistribution(chain, conversation));
    const [one, two] = say(chain, [1, 2]);
    expect(await open(one!)).toEqual(new Uint8Array([1]));
    expect(await open(two!)).toEqual(new Uint8Array([2]));
    await expect(open(two!)).rejects.toMatchObject({ code: 'message.duplicate' });
  });

  test('that has not come leaves a message unread', async () => {
    const [message] = say(makeSenderChain(provider), [1]);
    await expect(open(message!)).rejects.toMatchObject({ code: 'sender-key.unknown' });
  });

  test('opens nothing in the name of another device', async () => {
    const chain = makeSenderChain(provider);
    await take(encodeDistribution(chain, conversation));
    const [message] = say(chain, [1]);
    const other = DeviceId.parse('018f0000-0000-7000-8000-00000000000e');
    const opening = store.transaction((transaction) =>
      decryptInGroup({ provider }, transaction, {
        ...{ conversation, ciphertext: message! },
        sender: { ...sender, device: other },
      }),
    );
    await expect(opening).rejects.toMatchObject({ code: 'sender-key.unknown' });
  });

  test('of a device that borrows the id of another member changes nothing for that one', async () => {
    const chain = makeSenderChain(provider);
    await take(encodeDistribution(chain, conversation));
    const mallory = { ...sender, user: UserId.parse('018f0000-0000-7000-8000-0000000000aa') };
    // The same chain id and another key: what would take the place of the member's own.
    const forged = { ...chain, ...makeSenderChain(provider), id: chain.id };
    await take(encodeDistribution(forged, conversation), group, mallory);
    const [real] = say(chain, [1]);
    const [lie] = say(forged, [2]);
    await expect(open(lie!)).rejects.toThrow(CryptoError);
    expect(await open(real!)).toEqual(new Uint8Array([1]));
  });

  test('of another conversation is refused, and so is one for what is no group', async () => {
    const chain = makeSenderChain(provider);
    await expect(take(encodeDistribution(chain, elsewhere))).rejects.toMatchObject({
      code: 'envelope.mismatch',
    });
    const direct = { id: conversation, kind: 'direct' as const, members: [sender.user] };
    await expect(take(encodeDistribution(chain, conversation), direct)).rejects.toMatchObject({
      code: 'envelope.mismatch',
    });
  });
});

describe('what is said in a group', () => {
  const text = envelope({});

  test('to one member alone is refused, but for what speaks to devices', () => {
    expect(() => assertSaidToAll({ conversation: group }, text, false)).toThrow(CryptoError);
    assertSaidToAll({ conversation: group }, text, true);
    assertSaidToAll({ conversation: group }, { ...text, control: true }, false);
  });
});

describe('the log that a sender has seen', () => {
  test('may be behind ours, and moves on', async () => {
    expect(await judge(2, undefined)).toEqual(headOf(2));
    expect(await judge(3, 2)).toEqual(headOf(3));
    expect(await judge(3, 3)).toEqual(headOf(3));
  });

  test('does not go back', async () => {
    await expect(judge(2, 3)).rejects.toMatchObject({ code: 'head.rolled-back' });
  });

  test('is no other one than ours', async () => {
    await expect(judge(3, 2, hashOf(9))).rejects.toMatchObject({ code: 'head.forked' });
    await expect(judge(2, undefined, hashOf(9))).rejects.toMatchObject({ code: 'head.forked' });
  });

  test('is not longer than what was shown here', async () => {
    await expect(judge(4, 3)).rejects.toMatchObject({ code: 'log.gap' });
  });
});

function judge(version: number, before: number | undefined, hash = hashOf(version)) {
  const seen = before === undefined ? undefined : headOf(before);
  const said = envelope({ membership: { version, hash } });
  return store.transaction((transaction) =>
    judgeMembership({ transaction, conversation: group }, said, seen),
  );
}

function envelope(heads: Partial<Envelope>): Envelope {
  const message = '018f0000-0000-7000-8000-00000000000f';
  const place = { conversation, message, sender, counter: 1, time: 1 };
  return { ...place, deviceLists: [], content: new Uint8Array(1), ...heads };
}

function say(chain: ReturnType<typeof makeSenderChain>, bytes: readonly number[]): Uint8Array[] {
  let current = chain;
  return bytes.map((byte) => {
    const input = { place: { conversation, sender }, plaintext: new Uint8Array([byte]) };
    const sent = encryptGroupMessage(provider, current, input);
    current = sent.chain;
    return sent.message;
  });
}

function open(ciphertext: Uint8Array): Promise<Uint8Array> {
  return store.transaction((transaction) =>
    decryptInGroup({ provider }, transaction, { conversation, sender, ciphertext }),
  );
}

function take(
  distribution: Uint8Array,
  place: Parameters<typeof takeSenderKey>[0]['conversation'] = group,
  from = sender,
): Promise<void> {
  return store.transaction((transaction) =>
    takeSenderKey(
      { provider, transaction, conversation: place } as Parameters<typeof takeSenderKey>[0],
      { sender: from } as Parameters<typeof takeSenderKey>[1],
      { type: 'sender-key', distribution },
    ),
  );
}
