import { describe, expect, test } from 'vitest';
import bad from '../vectors/xdh-dr/x25519_bad_public_keys.json' with { type: 'json' };
import { makeAgreementKeyPair } from './curve.ts';
import { acceptRatchet, ratchetDecrypt, ratchetEncrypt, startRatchet } from './double-ratchet.ts';
import { fromHex } from './hex.fixture.ts';
import { firstRatchetKeyPair, symmetricKey } from './keys.ts';
import { COUNTER_MAX } from './limits.ts';
import { countingProvider, fastProvider as provider, providers } from './providers.fixture.ts';
import { decodeRatchetState, encodeRatchetState, type RatchetState } from './ratchet-state.ts';
import { SKIPPED_ENTRY_BYTES } from './skipped-keys.ts';

/** Both ends of a fresh ratchet; `to` has not received anything. */
function makeEnds(over = provider): { from: RatchetState; to: RatchetState } {
  const signedPrekey = makeAgreementKeyPair<'signed-prekey'>(over);
  const start = {
    secret: symmetricKey<'shared'>(over.randomBytes(32)),
    associatedData: over.randomBytes(32),
  };
  return {
    from: startRatchet(over, start, signedPrekey.publicKey),
    to: acceptRatchet(start, firstRatchetKeyPair(signedPrekey)),
  };
}

/** One end of a conversation whose state moves on. */
function makeEnd(initial: RatchetState, over = provider) {
  let state = initial;
  return {
    get state() {
      return state;
    },
    send(text = 'message'): Uint8Array {
      const sent = ratchetEncrypt(over, state, new TextEncoder().encode(text));
      state = sent.state;
      return sent.message;
    },
    receive(message: Uint8Array): string {
      const received = ratchetDecrypt(over, state, message);
      state = received.state;
      return new TextDecoder().decode(received.plaintext);
    },
  };
}

/** Two ends that both have sent and received. */
function makePair(over = provider) {
  const { from, to } = makeEnds(over);
  const [alice, bob] = [makeEnd(from, over), makeEnd(to, over)];
  bob.receive(alice.send());
  alice.receive(bob.send());
  return { alice, bob };
}

/** The message with another counter, or previous counter. */
function withCounter(message: Uint8Array, counter: number, offset = 39): Uint8Array {
  const changed = message.slice();
  new DataView(changed.buffer).setUint32(offset, counter);
  return changed;
}
const PREVIOUS_COUNTER_OFFSET = 35;

const failing = (code: string) => expect.objectContaining({ code });

describe.each(providers)('on the $name provider', (over) => {
  test('an empty message passes', () => {
    const { alice, bob } = makePair(over);
    expect(bob.receive(alice.send(''))).toBe('');
  });

  test('messages pass in both directions over many turns', () => {
    const { alice, bob } = makePair(over);
    for (let turn = 0; turn < 3; turn++) {
      expect(bob.receive(alice.send(`a${turn}`))).toBe(`a${turn}`);
      expect(bob.receive(alice.send(`again ${turn}`))).toBe(`again ${turn}`);
      expect(alice.receive(bob.send(`b${turn}`))).toBe(`b${turn}`);
    }
  });
});

describe('out of order', () => {
  test('skipped messages decrypt later, each once, also over a ratchet step', () => {
    const { alice, bob } = makePair();
    const first = [alice.send('1'), alice.send('2'), alice.send('3')];
    expect(bob.receive(first[1]!)).toBe('2');
    alice.receive(bob.send());
    const second = [alice.send('4'), alice.send('5')];
    expect(bob.receive(second[1]!)).toBe('5');
    for (const [message, text] of [
      [first[0]!, '1'],
      [second[0]!, '4'],
      [first[2]!, '3'],
    ] as const) {
      expect(bob.receive(message)).toBe(text);
    }
    expect(bob.state.skipped).toHaveLength(0);
    for (const message of [...first, ...second]) expect(() => bob.receive(message)).toThrow();
  });

  test('skipped messages of two chains with one number are told apart', () => {
    const { alice, bob } = makePair();
    const skipped = [];
    for (let turn = 0; turn < 2; turn++) {
      skipped.push(alice.send(`skipped in turn ${turn}`));
      bob.receive(alice.send());
      alice.receive(bob.send());
    }
    expect(skipped.toReversed().map(bob.receive)).toEqual([
      'skipped in turn 1',
      'skipped in turn 0',
    ]);
  });

  test('a repeated message of the current chain is named a duplicate', () => {
    const { alice, bob } = makePair();
    const message = alice.send();
    bob.receive(message);
    expect(() => bob.receive(message)).toThrow(failing('message.duplicate'));
  });

  test('a thousand may be skipped and not one more', () => {
    const { alice, bob } = makePair();
    const messages = Array.from({ length: 1002 }, () => alice.send());
    expect(() => bob.receive(messages[1001]!)).toThrow(failing('message.too-far-ahead'));
    bob.receive(messages[1000]!);
    expect(bob.state.skipped).toHaveLength(1000 * SKIPPED_ENTRY_BYTES);
    bob.receive(messages[1001]!);
  });

  test('a thousand of the previous chain may be skipped and not one more', () => {
    const { alice, bob } = makePair();
    bob.receive(alice.send());
    for (let count = 0; count < 1000; count++) alice.send();
    alice.receive(bob.send());
    bob.receive(alice.send());
    expect(bob.state.skipped).toHaveLength(1000 * SKIPPED_ENTRY_BYTES);
  });

  test('one more than a thousand of the previous chain is refused', () => {
    const { alice, bob } = makePair();
    bob.receive(alice.send());
    for (let count = 0; count < 1001; count++) alice.send();
    alice.receive(bob.send());
    expect(() => bob.receive(alice.send())).toThrow(failing('message.too-far-ahead'));
  });

  test('the oldest of more than two thousand skipped keys are dropped', () => {
    const { alice, bob } = makePair();
    const messages = Array.from({ length: 2103 }, (_, index) => alice.send(`${index}`));
    for (const index of [700, 1401, 2102]) bob.receive(messages[index]!);
    expect(bob.state.skipped).toHaveLength(2000 * SKIPPED_ENTRY_BYTES);
    expect(() => bob.receive(messages[99]!)).toThrow(failing('message.duplicate'));
    expect(bob.receive(messages[100]!)).toBe('100');
    expect(bob.receive(messages[2101]!)).toBe('2101');
  });

  test('the oldest are dropped over a ratchet step too, older chain first', () => {
    const { alice, bob } = makePair();
    const first = Array.from({ length: 1500 }, (_, index) => alice.send(`${index}`));
    bob.receive(first[600]!);
    alice.receive(bob.send());
    const second = Array.from({ length: 700 }, (_, index) => alice.send(`second ${index}`));
    bob.receive(second[699]!);
    expect(bob.state.skipped).toHaveLength(2000 * SKIPPED_ENTRY_BYTES);
    expect(() => bob.receive(first[197]!)).toThrow(failing('message.undecryptable'));
    expect(bob.receive(first[198]!)).toBe('198');
    expect(bob.receive(second[0]!)).toBe('second 0');
  });
});

describe('refusal before any derivation', () => {
  const counted = countingProvider(provider);
  const refuse = (state: RatchetState, message: Uint8Array, code: string) => {
    const before = counted.count();
    expect(() => ratchetDecrypt(counted.provider, state, message)).toThrow(failing(code));
    expect(counted.count() - before).toBe(0);
  };

  test('of a counter of 2³²−1, on a known and on a new chain', () => {
    const { alice, bob } = makePair();
    const message = withCounter(alice.send(), 0xffff_ffff);
    refuse(bob.state, message, 'encoding.invalid');
    bob.receive(alice.send());
    refuse(bob.state, message, 'encoding.invalid');
  });

  test('of the highest counter that exists, on a known and on a new chain', () => {
    const { alice, bob } = makePair();
    const newChain = withCounter(alice.send(), COUNTER_MAX);
    refuse(bob.state, newChain, 'message.too-far-ahead');
    bob.receive(alice.send());
    refuse(bob.state, withCounter(alice.send(), COUNTER_MAX), 'message.too-far-ahead');
  });

  test('of a previous counter that is out of reach', () => {
    const { alice, bob } = makePair();
    bob.receive(alice.send());
    alice.receive(bob.send());
    const message = withCounter(alice.send(), 0xffff_ffff, PREVIOUS_COUNTER_OFFSET);
    refuse(bob.state, message, 'message.too-far-ahead');
  });

  test('of a message without room for a tag', () => {
    const { alice, bob } = makePair();
    refuse(bob.state, alice.send('').slice(0, -1), 'encoding.invalid');
  });

  test('of a duplicate', () => {
    const { alice, bob } = makePair();
    const message = alice.send();
    bob.receive(message);
    refuse(bob.state, message, 'message.duplicate');
  });

  test('of a ratchet key that is malformed or of low order', () => {
    const { alice, bob } = makePair();
    const message = alice.send();
    for (const [keys, code] of [
      [bad.low_order.slice(0, 5), 'key.low-order'],
      [[...bad.non_canonical, bad.high_bit_set_same_key], 'key.invalid'],
    ] as const) {
      for (const key of keys) {
        const changed = message.slice();
        changed.set(fromHex(key), 3);
        refuse(bob.state, changed, code);
      }
    }
  });
});

describe('secrecy', () => {
  test('a copied state cannot read what came before it', () => {
    const { alice, bob } = makePair();
    const before = [alice.send(), alice.send()];
    for (const message of before) bob.receive(message);
    const copy = bob.state;
    for (const message of before) {
      expect(() => ratchetDecrypt(provider, copy, message)).toThrow();
    }
    const ofSender = alice.state;
    for (const message of before) {
      expect(() => ratchetDecrypt(provider, ofSender, message)).toThrow();
    }
  });

  test('a copied state cannot read what follows one round trip', () => {
    const { alice, bob } = makePair();
    bob.receive(alice.send());
    const copies = [alice.state, bob.state];
    alice.receive(bob.send());
    bob.receive(alice.send());
    const later = [bob.send(), alice.send()];
    for (const message of later) {
      for (const copy of copies) {
        expect(() => ratchetDecrypt(provider, copy, message)).toThrow();
      }
    }
  });

  test('a rolled-back state encrypts under another salt and key', () => {
    const { alice } = makePair();
    alice.send();
    const plaintext = new Uint8Array(32);
    const first = ratchetEncrypt(provider, alice.state, plaintext).message;
    const second = ratchetEncrypt(provider, alice.state, plaintext).message;
    const salt = (message: Uint8Array) => message.slice(43, 59);
    expect(first.slice(0, 43)).toEqual(second.slice(0, 43));
    expect(salt(first)).not.toEqual(salt(second));
    expect(first.slice(59)).not.toEqual(second.slice(59));
  });

  test('every sending chain after an answer uses a new ratchet key', () => {
    const { alice, bob } = makePair();
    const keys = Array.from({ length: 4 }, () => {
      const message = alice.send();
      bob.receive(message);
      alice.receive(bob.send());
      return message.slice(3, 35).toString();
    });
    expect(new Set(keys).size).toBe(4);
  });
});

describe('the ends of a ratchet', () => {
  test('one that has received nothing cannot send', () => {
    const { to } = makeEnds();
    expect(() => ratchetEncrypt(provider, to, new Uint8Array())).toThrow(failing('session.none'));
  });

  test('a chain ends with its counter, and the last message still passes', () => {
    const { alice, bob } = makePair();
    bob.receive(alice.send());
    const at = (state: RatchetState, counter: number): RatchetState => ({
      ...state,
      sending: state.sending && { ...state.sending, counter },
      remote: state.remote && {
        ...state.remote,
        chain: state.remote.chain && { ...state.remote.chain, counter },
      },
    });
    const last = ratchetEncrypt(provider, at(alice.state, COUNTER_MAX), Uint8Array.of(1));
    const received = ratchetDecrypt(provider, at(bob.state, COUNTER_MAX), last.message);
    expect(received.plaintext).toEqual(Uint8Array.of(1));
    for (const { state } of [last, received]) {
      expect(decodeRatchetState(encodeRatchetState(state))).toEqual(state);
    }
    expect(() => ratchetEncrypt(provider, last.state, new Uint8Array())).toThrow(
      failing('session.expired'),
    );
  });

  test('a stored state holds at most two thousand skipped keys', () => {
    const { state } = makePair().alice;
    const holding = (count: number) =>
      encodeRatchetState({ ...state, skipped: new Uint8Array(count * SKIPPED_ENTRY_BYTES) });
    expect(decodeRatchetState(holding(2000)).skipped).toHaveLength(2000 * SKIPPED_ENTRY_BYTES);
    expect(() => decodeRatchetState(holding(2001))).toThrow(failing('encoding.invalid'));
  });

  test('a stored state has a chain to receive on only with a key of the other side', () => {
    const { state } = makePair().alice;
    const encoded = encodeRatchetState({ ...state, remote: undefined, sending: undefined });
    for (const flags of [2, 6, 8]) {
      expect(() => decodeRatchetState(encoded.with(1, flags))).toThrow(failing('encoding.invalid'));
    }
  });

  test('a transition leaves the state before it as it was', () => {
    const { alice, bob } = makePair();
    const messages = [alice.send(), alice.send(), alice.send()];
    const before = encodeRatchetState(bob.state);
    const { state } = bob;
    ratchetDecrypt(provider, state, messages[2]!);
    ratchetEncrypt(provider, state, new Uint8Array(9));
    expect(encodeRatchetState(state)).toEqual(before);
  });

  test('messages for one end mean nothing to another', () => {
    const message = makePair().alice.send();
    expect(() => makePair().bob.receive(message)).toThrow(failing('message.undecryptable'));
  });
});
