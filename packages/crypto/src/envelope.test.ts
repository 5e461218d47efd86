import { describe, expect, test } from 'vitest';
import { concat, utf8 } from './bytes.ts';
import { type Envelope, openEnvelope, sealEnvelope } from './envelope.ts';
import { compareHeads } from './head.ts';
import { TIME_MS_MAX } from './limits.ts';
import { pad, unpad } from './padding.ts';
import { aliceAddress, bobAddress, now } from './parties.fixture.ts';
import { acceptCounter, type SenderCounter } from './sender-counter.ts';

const head = (version: number, fill: number) => ({ version, hash: new Uint8Array(32).fill(fill) });
const minimal: Envelope = {
  conversation: '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4c01',
  message: '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4e01',
  sender: aliceAddress,
  counter: 1,
  time: now,
  deviceLists: [],
  content: utf8('hello'),
};
const full: Envelope = {
  ...minimal,
  counter: Number.MAX_SAFE_INTEGER,
  membership: head(3, 1),
  keyLog: head(2 ** 32 - 1, 2),
  deviceLists: [
    { user: aliceAddress.user, ...head(1, 3) },
    { user: bobAddress.user, ...head(9, 4) },
  ],
};

describe('an envelope', () => {
  test.each([
    ['with nothing optional', minimal],
    ['with everything', full],
    ['of every kind at once', { ...full, control: true as const }],
    ['with one head', { ...minimal, keyLog: head(1, 9) }],
    ['without content', { ...minimal, content: new Uint8Array() }],
  ])('%s comes back as it was', (_, envelope) => {
    const expected = { ...envelope, controlAllowed: true };
    expect(openEnvelope(sealEnvelope(envelope), expected)).toEqual(envelope);
  });

  test('that controls counts only where the caller says that a pairwise session carried it', () => {
    const sealed = sealEnvelope({ ...minimal, control: true });
    const allowed = { ...minimal, controlAllowed: true };
    expect(openEnvelope(sealed, allowed)).toEqual({ ...minimal, control: true });
    expect(openEnvelope(sealEnvelope(minimal), allowed)).toEqual(minimal);
    for (const expected of [minimal, { ...minimal, controlAllowed: false }]) {
      expect(() => openEnvelope(sealed, expected)).toThrow(
        expect.objectContaining({ code: 'envelope.mismatch' }),
      );
    }
  });

  test('is padded to a size class', () => {
    expect(sealEnvelope(minimal)).toHaveLength(256);
    expect(sealEnvelope({ ...minimal, content: new Uint8Array(300) })).toHaveLength(512);
  });

  test('is refused in another conversation, under another id, or from another device', () => {
    const sealed = sealEnvelope(minimal);
    const elsewhere = [
      { conversation: full.message },
      { message: full.conversation },
      { sender: bobAddress },
      { sender: { ...aliceAddress, device: bobAddress.device } },
      { sender: { ...aliceAddress, user: bobAddress.user } },
    ];
    for (const change of elsewhere) {
      expect(() => openEnvelope(sealed, { ...minimal, ...change })).toThrow(
        expect.objectContaining({ code: 'envelope.mismatch' }),
      );
    }
  });

  test('of another version is refused by name', () => {
    const bytes = unpad(sealEnvelope(minimal));
    bytes[0] = 2;
    expect(() => openEnvelope(pad(bytes), minimal)).toThrow(
      expect.objectContaining({ code: 'encoding.unsupported' }),
    );
  });

  test('with an unknown flag, a zero counter, a zero version or a cut end is refused', () => {
    const bytes = unpad(sealEnvelope({ ...full, counter: 1, content: new Uint8Array() }));
    const changed = (at: number, value: number) => bytes.with(at, value);
    const counterEnd = 2 + 64 + 7;
    const membershipVersionEnd = 2 + 64 + 16 + 3;
    const inputs = [
      changed(1, 8),
      changed(counterEnd, 0),
      changed(membershipVersionEnd, 0),
      changed(2 + 64, 0xff),
      bytes.subarray(0, -1),
      bytes.subarray(0, 40),
    ];
    for (const input of inputs) {
      expect(() => openEnvelope(pad(input), full)).toThrow(
        expect.objectContaining({ code: 'encoding.invalid' }),
      );
    }
  });

  test('of a time that is no date is refused, since whoever shows it would fail', () => {
    const bytes = unpad(sealEnvelope({ ...minimal, time: TIME_MS_MAX }));
    const timeEnd = 2 + 64 + 8 + 7;
    const late = bytes.with(timeEnd, bytes[timeEnd]! + 1);
    expect(openEnvelope(pad(bytes), minimal).time).toBe(TIME_MS_MAX);
    expect(() => openEnvelope(pad(late), minimal)).toThrow(
      expect.objectContaining({ code: 'encoding.invalid' }),
    );
  });

  test('takes 201 device lists and refuses more, in both directions', () => {
    const list = { user: aliceAddress.user, ...head(1, 1) };
    const most = { ...minimal, deviceLists: Array.from({ length: 201 }, () => list) };
    const sealed = sealEnvelope(most);
    expect(openEnvelope(sealed, minimal).deviceLists).toHaveLength(201);
    expect(() => sealEnvelope({ ...most, deviceLists: [...most.deviceLists, list] })).toThrow(
      expect.objectContaining({ code: 'input.invalid' }),
    );
    const bytes = concat(unpad(sealed), new Uint8Array(100).fill(1));
    bytes[2 + 64 + 16 + 1] = 202;
    expect(() => openEnvelope(pad(bytes), minimal)).toThrow(
      expect.objectContaining({ code: 'encoding.invalid' }),
    );
  });

  test('refuses to be made of ids, counters, times or heads that are none', () => {
    const wrong: Partial<Envelope>[] = [
      { conversation: 'x' },
      { message: minimal.message.toUpperCase() },
      { counter: 0 },
      { counter: 1.5 },
      { time: -1 },
      { time: TIME_MS_MAX + 1 },
      { membership: head(0, 1) },
      { keyLog: { version: 1, hash: new Uint8Array(31) } },
    ];
    for (const change of wrong) {
      expect(() => sealEnvelope({ ...minimal, ...change })).toThrow(
        expect.objectContaining({ code: 'input.invalid' }),
      );
    }
  });
});

describe('the sender counter', () => {
  const after = (...counters: number[]) =>
    counters.reduce<SenderCounter | undefined>(
      (seen, counter) => acceptCounter(seen, counter).seen,
      undefined,
    );
  const verdict = (seen: SenderCounter | undefined, counter: number) =>
    acceptCounter(seen, counter).verdict;

  test('takes any first number, then the next one silently', () => {
    expect(verdict(undefined, 17)).toBe('next');
    expect(verdict(after(17), 18)).toBe('next');
  });

  test('warns of a gap, and of each number that comes late, once', () => {
    expect(verdict(after(1), 4)).toBe('gap');
    expect(after(1, 4)).toEqual({ highest: 4, missing: [2, 3] });
    expect(verdict(after(1, 4), 3)).toBe('late');
    expect(after(1, 4, 3)).toEqual({ highest: 4, missing: [2] });
    expect(after(1, 4, 5)).toEqual({ highest: 5, missing: [2, 3] });
    expect(() => after(1, 4, 3, 3)).toThrow(expect.objectContaining({ code: 'message.duplicate' }));
  });

  test('drops a repeated number, and those before the first one seen', () => {
    for (const counter of [17, 16, 1]) {
      expect(() => acceptCounter(after(17), counter)).toThrow(
        expect.objectContaining({ code: 'message.duplicate' }),
      );
    }
  });

  test('remembers the newest thousand missing numbers, however large the gap', () => {
    const seen = after(1, Number.MAX_SAFE_INTEGER)!;
    expect(seen.missing).toHaveLength(1000);
    expect(seen.missing.at(-1)).toBe(Number.MAX_SAFE_INTEGER - 1);
    expect(after(1, 600, 1700)!.missing[0]).toBe(700);
    expect(after(1, 603, 1003)!.missing.slice(0, 2)).toEqual([2, 3]);
  });
});

describe('heads', () => {
  test('move forward only, and have one hash for each version', () => {
    expect(compareHeads(undefined, head(5, 1))).toBe('first');
    expect(compareHeads(head(5, 1), head(5, 1))).toBe('same');
    expect(compareHeads(head(5, 1), head(6, 2))).toBe('newer');
    expect(() => compareHeads(head(5, 1), head(4, 1))).toThrow(
      expect.objectContaining({ code: 'head.rolled-back' }),
    );
    expect(() => compareHeads(head(5, 1), head(5, 2))).toThrow(
      expect.objectContaining({ code: 'head.forked' }),
    );
  });
});
