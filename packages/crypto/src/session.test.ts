import { describe, expect, test } from 'vitest';
import cctv from '../vectors/ed25519-edge/cctv_ed25519vectors.json' with { type: 'json' };
import bad from '../vectors/xdh-dr/x25519_bad_public_keys.json' with { type: 'json' };
import { concat } from './bytes.ts';
import { fromHex } from './hex.fixture.ts';
import { UNANSWERED_SESSION_MS_MAX } from './limits.ts';
import {
  aliceAddress,
  bobAddress,
  bundleOf,
  type ClassicRecord,
  decrypt,
  encrypt,
  makeChat,
  makeChats,
  makeParty,
  now,
  prekeysOf,
  start,
} from './parties.fixture.ts';
import { verifyBundle } from './prekeys.ts';
import { fastProvider as provider, providers } from './providers.fixture.ts';
import { decryptMessage, encryptMessage, retireSessions, startSession } from './session.ts';
import { decodeSession } from './session-record.ts';
import { classicSuite } from './suite-classic.ts';

const text = (value: string) => new TextEncoder().encode(value);
const failing = (code: string) => expect.objectContaining({ code });
const KIND_OFFSET = 2;
const FIRST = 1;
const ONGOING = 2;

describe.each(providers)('on the $name provider', (over) => {
  test('a session starts from a bundle and carries messages both ways', () => {
    const { a, b } = makeChats(over);
    a.start();
    expect(b.receive(a.send('hello'))).toBe('hello');
    expect(a.receive(b.send('hello yourself'))).toBe('hello yourself');
    expect(b.receive(a.send('again'))).toBe('again');
  });
});

describe('the first messages', () => {
  test('carry the handshake until the first answer decrypts', () => {
    const { a, b } = makeChats(provider);
    a.start();
    const messages = [a.send('1'), a.send('2')];
    expect(messages.map((message) => message[KIND_OFFSET])).toEqual([FIRST, FIRST]);
    for (const message of messages) b.receive(message);
    const answer = b.send('answer');
    expect(answer[KIND_OFFSET]).toBe(ONGOING);
    a.receive(answer);
    expect(a.send('3')[KIND_OFFSET]).toBe(ONGOING);
  });

  test('use one one-time prekey once, and find their session without it afterwards', () => {
    const { bob, a, b } = makeChats(provider);
    a.start();
    const messages = [a.send('1'), a.send('2'), a.send('3')];
    expect(b.receive(messages[1]!)).toBe('2');
    expect(bob.oneTimePrekeys.map(({ id }) => id)).not.toContain(100);
    expect(b.receive(messages[0]!)).toBe('1');
    expect(b.receive(messages[2]!)).toBe('3');
    expect(() => b.receive(messages[2]!)).toThrow(failing('message.duplicate'));
  });

  test('work without a one-time prekey', () => {
    const { alice, bob } = makeChats(provider);
    const record = startSession(alice.deps, {
      local: alice.local,
      remoteAddress: bob.local.address,
      bundle: verifyBundle(provider, bundleOf(bob, { oneTime: false })),
      pinnedIdentity: undefined,
      now,
    });
    const { message } = encrypt(bob, record, text('hello'));
    const received = decrypt(bob, alice, { record: undefined, message });
    expect(received.usedOneTimePrekeyId).toBeUndefined();
    expect(received.plaintext).toEqual(text('hello'));
  });

  test('name the prekeys they need without being decrypted', () => {
    const { alice, a } = makeChats(provider);
    a.start();
    expect(classicSuite.inspect(a.send('hello'))).toMatchObject({
      kind: 'first',
      signedPrekeyId: 7,
      oneTimePrekeyId: 100,
      registrationId: 4711,
      identityKey: alice.local.identity.publicKey,
    });
  });

  test('that name prekeys which are gone are refused as such', () => {
    const { alice, bob, a } = makeChats(provider);
    a.start();
    const message = a.send('hello');
    const without = (change: Partial<ReturnType<typeof prekeysOf>>) => () =>
      decryptMessage(bob.deps, undefined, {
        message,
        local: bob.local,
        remoteAddress: alice.local.address,
        pinnedIdentity: undefined,
        prekeys: { ...prekeysOf(bob), ...change },
        now,
      });
    expect(without({})).not.toThrow();
    expect(without({ oneTimePrekey: () => undefined })).toThrow(failing('prekey.unknown'));
    expect(without({ signedPrekey: () => undefined })).toThrow(failing('prekey.unknown'));
  });

  test('with an unsound identity key are refused', () => {
    const { alice, bob, a } = makeChats(provider);
    a.start();
    const message = a.send('hello');
    const flagged = (flag: string) =>
      cctv.find(({ flags }) => flags?.includes(flag) && !flags.includes('low_order_A'))!.key;
    for (const [hex, code] of [
      ['00'.repeat(32), 'key.low-order'],
      ['ff'.repeat(32), 'key.invalid'],
      [flagged('low_order_component_A'), 'key.torsion'],
    ] as const) {
      const changed = message.slice();
      changed.set(fromHex(hex), 3 + 10);
      const receive = () =>
        decryptMessage(bob.deps, undefined, {
          message: changed,
          local: bob.local,
          remoteAddress: alice.local.address,
          pinnedIdentity: undefined,
          prekeys: prekeysOf(bob),
          now,
        });
      expect(receive).toThrow(failing(code));
    }
  });

  test('with an unsound base key are refused', () => {
    const { a, b } = makeChats(provider);
    a.start();
    const message = a.send('hello');
    const baseOffset = 3 + 10 + 32;
    for (const [hex, code] of [
      [bad.low_order[1]!, 'key.low-order'],
      [bad.high_bit_set_same_key, 'key.invalid'],
      [bad.torsioned_same_dh[0]!.public, 'key.torsion'],
    ] as const) {
      const changed = message.slice();
      changed.set(fromHex(hex), baseOffset);
      expect(() => b.receive(changed)).toThrow(failing(code));
    }
  });

  test('bind both addresses: another device or account cannot be put in their place', () => {
    const { alice, bob, a } = makeChats(provider);
    a.start();
    const message = a.send('hello');
    const elsewhere = { ...aliceAddress, device: bobAddress.device };
    const receive = (remoteAddress = aliceAddress, address = bobAddress) =>
      decryptMessage(bob.deps, undefined, {
        message,
        local: { ...bob.local, address },
        remoteAddress,
        pinnedIdentity: alice.local.identity.publicKey,
        prekeys: prekeysOf(bob),
        now,
      });
    expect(receive().plaintext).toEqual(text('hello'));
    expect(() => receive(elsewhere)).toThrow(failing('message.undecryptable'));
    expect(() => receive(aliceAddress, elsewhere)).toThrow(failing('message.undecryptable'));
  });
});

describe('identities', () => {
  test('a first message from another identity than the pinned one is refused by name', () => {
    const { bob, b } = makeChats(provider);
    const mallory = makeParty(provider, aliceAddress);
    const m = makeChat(mallory, bob);
    m.start();
    expect(() => b.receive(m.send('it is me'))).toThrow(failing('identity.changed'));
  });

  test('a bundle from another identity than the pinned one starts nothing', () => {
    const { alice, bob } = makeChats(provider);
    const input = {
      local: alice.local,
      remoteAddress: bobAddress,
      bundle: verifyBundle(provider, bundleOf(bob)),
      now,
    };
    const pinnedIdentity = alice.local.identity.publicKey;
    expect(() => startSession(alice.deps, { ...input, pinnedIdentity })).toThrow(
      failing('identity.changed'),
    );
  });

  test('a session with a replaced identity receives, but neither sends nor takes over', () => {
    const { alice, bob, a, b } = makeChats(provider);
    a.start();
    b.receive(a.send('old'));
    const late = b.send('late');
    const renewed = makeParty(provider, bobAddress);
    a.save(start(alice, renewed, a.load()));

    const received = decryptMessage(alice.deps, a.load(), {
      message: late,
      local: alice.local,
      remoteAddress: bobAddress,
      pinnedIdentity: renewed.local.identity.publicKey,
      prekeys: prekeysOf(alice),
      now,
    });
    expect(received.plaintext).toEqual(text('late'));
    expect(received.remoteIdentity).toEqual(bob.local.identity.publicKey);
    expect(received.record.current).toEqual(a.load()?.current);
    expect(() => encrypt(bob, received.record, text('x'))).toThrow(failing('session.none'));
    expect(() => encrypt(renewed, received.record, text('x'))).not.toThrow();
    expect(() => decrypt(alice, renewed, { record: received.record, message: late })).toThrow(
      failing('message.duplicate'),
    );
  });

  test('a bundle without our suite starts nothing', () => {
    const { alice, bob } = makeChats(provider);
    const bundle = { ...verifyBundle(provider, bundleOf(bob)), suites: [2] };
    const input = { local: alice.local, remoteAddress: bobAddress, bundle, now };
    expect(() => startSession(alice.deps, { ...input, pinnedIdentity: undefined })).toThrow(
      failing('suite.unsupported'),
    );
  });
});

describe('several sessions', () => {
  test('two that start at once both decrypt, and settle on one', () => {
    const { a, b } = makeChats(provider);
    a.start();
    b.start();
    const crossed = [a.send('from a'), b.send('from b')];
    expect(b.receive(crossed[0]!)).toBe('from a');
    expect(a.receive(crossed[1]!)).toBe('from b');
    for (const value of ['1', '2', '3']) {
      expect(b.receive(a.send(value))).toBe(value);
      expect(a.receive(b.send(value))).toBe(value);
    }
    expect(a.load()!.current!.id).toEqual(b.load()!.current!.id);
  });

  test('a message of an archived session decrypts and makes it current again', () => {
    const { a, b } = makeChats(provider);
    a.start();
    b.receive(a.send('1'));
    const late = b.send('late');
    const old = a.load()!.current!.id;
    a.start();
    expect(a.load()!.archived).toHaveLength(1);
    expect(a.receive(late)).toBe('late');
    expect(a.load()!.current!.id).toEqual(old);
    expect(a.load()!.archived).toHaveLength(1);
    expect(b.receive(a.send('2'))).toBe('2');
  });

  test('a device that lost its sessions starts anew, and the other follows', () => {
    const { alice, bob, a, b } = makeChats(provider);
    a.start();
    b.receive(a.send('1'));
    a.receive(b.send('2'));
    const lost = makeChat(bob, alice);
    expect(() => lost.receive(a.send('3'))).toThrow(failing('session.none'));
    lost.start();
    expect(a.receive(lost.send('4'))).toBe('4');
    expect(lost.receive(a.send('5'))).toBe('5');
  });
});

describe('an archived session that does not decode', () => {
  const damaged = new Uint8Array(90);

  /** Alice with a damaged session between the one in use and an old one, and a late message of the old. */
  const makeDamaged = () => {
    const chats = makeChats(provider);
    const { a, b } = chats;
    a.start();
    b.receive(a.send('1'));
    const late = b.send('late');
    a.start();
    const { current, archived } = a.load()!;
    a.save({ current, archived: [damaged, ...archived] });
    return { ...chats, late };
  };

  test('stops no other from decrypting, and is kept', () => {
    const { a, late } = makeDamaged();
    expect(a.receive(late)).toBe('late');
    expect(a.load()!.archived).toContainEqual(damaged);
  });

  test('is reported when no other decrypts, unless one knows the message', () => {
    const { bob, a, late } = makeDamaged();
    const stranger = makeChat(bob, makeParty(provider, aliceAddress));
    stranger.start();
    const foreign = classicSuite.inspect(stranger.send('not for this Alice')).inner;
    expect(() => a.receive(foreign)).toThrow(failing('session.unreadable'));
    a.receive(late);
    expect(() => a.receive(late)).toThrow(failing('message.duplicate'));
  });

  test('is reported when a repeated first message belongs to it', () => {
    const { alice, bob, a, b } = makeChats(provider);
    a.start();
    const first = a.send('1');
    b.receive(first);
    const id = b.load()!.current!.id;
    const record = { current: undefined, archived: [Uint8Array.of(...id, ...damaged)] };
    expect(() => decrypt(bob, alice, { record, message: first })).toThrow(
      failing('session.unreadable'),
    );
  });

  test('is told from a defect of the code that reads it', () => {
    const { alice, a, late } = makeDamaged();
    const decode = () => {
      throw new TypeError('a defect');
    };
    const deps = { provider, suite: { ...classicSuite, decode } };
    expect(() => decrypt({ ...alice, deps }, alice, { record: a.load(), message: late })).toThrow(
      TypeError,
    );
  });

  test('is dropped where all sessions are marked as for receiving only', () => {
    const { alice, a } = makeDamaged();
    const { current, archived } = retireSessions(alice.deps, a.load()!);
    expect(current).toMatchObject({ receiveOnly: true });
    const readable = archived.map((bytes) => decodeSession(classicSuite, bytes));
    expect(readable).toMatchObject([{ receiveOnly: true }]);
  });
});

describe('the largest message', () => {
  test('passes with its handshake, and one byte more is refused', () => {
    const { alice, bob, a } = makeChats(provider);
    a.start();
    const largest = encrypt(bob, a.load()!, new Uint8Array(65536));
    const received = decrypt(bob, alice, { record: undefined, message: largest.message });
    expect(received.plaintext).toHaveLength(65536);
    expect(() => encrypt(bob, a.load()!, new Uint8Array(65537))).toThrow(failing('input.invalid'));
    const tooLong = concat(largest.message, new Uint8Array(1024));
    expect(() => decrypt(bob, alice, { record: undefined, message: tooLong })).toThrow(
      failing('encoding.invalid'),
    );
  });
});

describe('a session that may not send', () => {
  test('is one that was not answered in thirty days', () => {
    const { bob, a, b } = makeChats(provider);
    a.start();
    const at = (ms: number) => encrypt(bob, a.load()!, text('hello'), now + ms);
    expect(() => at(UNANSWERED_SESSION_MS_MAX)).not.toThrow();
    expect(() => at(UNANSWERED_SESSION_MS_MAX + 1)).toThrow(failing('session.expired'));
    b.receive(a.send('hello'));
    a.receive(b.send('answer'));
    expect(() => at(UNANSWERED_SESSION_MS_MAX * 10)).not.toThrow();
  });

  test('is one of a store that was found stale: it receives, and never takes over', () => {
    const { alice, a, b } = makeChats(provider);
    a.start();
    b.receive(a.send('1'));
    const late = [b.send('2'), b.send('3')];
    a.start();
    a.save(retireSessions(alice.deps, a.load()!));
    expect(() => a.send('x')).toThrow(failing('session.none'));
    a.start();
    const fresh = a.load()!.current!.id;
    expect(a.receive(late[0]!)).toBe('2');
    expect(a.receive(late[1]!)).toBe('3');
    expect(() => a.receive(late[1]!)).toThrow(failing('message.duplicate'));
    expect(a.load()!.current!.id).toEqual(fresh);
    expect(b.receive(a.send('4'))).toBe('4');
    expect(a.receive(b.send('5'))).toBe('5');
  });

  test('is none at all', () => {
    const { alice, bob } = makeChats(provider);
    const input = { plaintext: text('x'), pinnedIdentity: bob.local.identity.publicKey, now };
    const empty: ClassicRecord = { current: undefined, archived: [] };
    expect(() => encryptMessage(alice.deps, empty, input)).toThrow(failing('session.none'));
  });
});
