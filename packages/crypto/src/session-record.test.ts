import { describe, expect, test } from 'vitest';
import { ARCHIVE_BYTES_MAX } from './limits.ts';
import { makeChats as makeChatsOver, makeConversation, start } from './parties.fixture.ts';
import { fastProvider as provider } from './providers.fixture.ts';
import { decodeSessionRecord, encodeSession, encodeSessionRecord } from './session-record.ts';
import { classicSuite } from './suite-classic.ts';

const makeChats = () => makeChatsOver(provider);
const failing = (code: string) => expect.objectContaining({ code });

describe('the archive', () => {
  test('at most forty are archived, the oldest dropped', () => {
    const { a, b } = makeChats();
    a.start();
    b.receive(a.send('1'));
    const [first, second] = [b.send('first'), b.send('second')];
    for (let count = 0; count < 40; count++) a.start();
    expect(a.receive(first)).toBe('first');
    for (let count = 0; count < 41; count++) a.start();
    expect(a.load()!.archived).toHaveLength(40);
    expect(() => a.receive(second)).toThrow(failing('message.undecryptable'));
  });

  test('an archive that grows too large drops its oldest', () => {
    const { bobRecord } = makeConversation(provider);
    const { alice, bob, a } = makeChats();
    const current = bobRecord.current!;
    const skipped = new Uint8Array(2000 * 68);
    const bulky = encodeSession(classicSuite, { ...current, state: { ...current.state, skipped } });
    const record = start(alice, bob, {
      current,
      archived: [bulky, bulky, bulky, bulky, bulky],
    });
    a.save(record);
    const sizes = a.load()!.archived.map((session) => session.length);
    expect(sizes).toHaveLength(4);
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(ARCHIVE_BYTES_MAX);
  });
});

describe('stored records', () => {
  test('come back as they were', () => {
    const { a, b } = makeChats();
    a.start();
    b.receive(a.send('1'));
    a.start();
    for (const record of [a.load()!, b.load()!, { current: undefined, archived: [] }]) {
      const encoded = encodeSessionRecord(classicSuite, record);
      expect(decodeSessionRecord(classicSuite, encoded)).toEqual(record);
    }
  });

  test('of another version or suite are refused by name', () => {
    const { a } = makeChats();
    a.start();
    const encoded = encodeSessionRecord(classicSuite, a.load()!);
    const ratchetVersionOffset = 2 + 4 + 77 + 74;
    for (const [at, value] of [
      [0, 2],
      [1, 2],
      [ratchetVersionOffset, 2],
    ] as const) {
      expect(() => decodeSessionRecord(classicSuite, encoded.with(at, value))).toThrow(
        failing('encoding.unsupported'),
      );
    }
  });

  test('that are cut, extended, or hold too many sessions are refused', () => {
    const { a } = makeChats();
    a.start();
    const encoded = encodeSessionRecord(classicSuite, a.load()!);
    const inputs = [
      encoded.subarray(0, -1),
      Uint8Array.of(...encoded, 0),
      encoded.with(encoded.length - 1, 41),
      encoded.with(2 + 4 + 74, 2),
      new Uint8Array(0),
    ];
    for (const input of inputs) {
      expect(() => decodeSessionRecord(classicSuite, input)).toThrow(failing('encoding.invalid'));
    }
  });

  test('may hold forty archived sessions and not one more', () => {
    const holding = (count: number) =>
      encodeSessionRecord(classicSuite, {
        current: undefined,
        archived: Array.from({ length: count }, () => new Uint8Array(80)),
      });
    expect(decodeSessionRecord(classicSuite, holding(40)).archived).toHaveLength(40);
    expect(() => decodeSessionRecord(classicSuite, holding(41))).toThrow(
      failing('encoding.invalid'),
    );
  });
});
