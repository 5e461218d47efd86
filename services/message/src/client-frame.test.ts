import { CIPHERTEXT_BYTES_MAX, ClientFrame } from '@sotto/api';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { parseClientFrame } from './client-frame.ts';

const ID = '00000000-0000-4000-8000-000000000001';
const LISTS = 'A'.repeat(43);

const ACK = { type: 'ack', conversation: ID, seq: 7 };
const DIRECT = {
  type: 'send',
  number: 1,
  message: {
    kind: 'direct',
    id: ID,
    conversation: ID,
    recipients: [
      { device: ID, ciphertext: 'AQID' },
      { device: ID, ciphertext: 'AQ' },
    ],
  },
};
const GROUP = {
  type: 'send',
  number: 3,
  message: {
    kind: 'group',
    id: ID,
    conversation: ID,
    ciphertext: 'AQID',
    version: 2,
    lists: LISTS,
  },
};
const FRAMES: readonly object[] = [
  ACK,
  DIRECT,
  { ...DIRECT, message: { ...DIRECT.message, kind: 'targeted' } },
  { ...DIRECT, message: { ...DIRECT.message, urgent: true } },
  { ...DIRECT, message: { ...DIRECT.message, expiresAt: '2027-01-01T00:00:00.000Z' } },
  GROUP,
  { ...GROUP, message: { ...GROUP.message, urgent: false } },
  { type: 'withdraw', conversation: ID, number: 1 },
  { type: 'watch', users: [ID] },
  { type: 'ephemeral', conversation: ID, ciphertext: 'AQID' },
];

/** What stands in the way of a hand-written check: values of every type, near misses, and names that objects have. */
const strange = fc.oneof(
  fc.constantFrom<unknown>(
    ...[
      null,
      true,
      '',
      0,
      -0,
      -1,
      1.5,
      2 ** 53,
      1e308,
      [],
      {},
      'AQI',
      'AQ==',
      'AQID ',
      'AR',
      '_-',
      'é',
    ],
    ...[ID.toUpperCase(), `${ID}\n`, ` ${ID}`, 'direct', 'group', 'targeted', 'send', 'ack', LISTS],
    ...[`${LISTS}A`, '', 'AQID', [ID], { length: 1 }, [null], [[]], [{}]],
  ),
  fc.string({ maxLength: 5 }),
  fc.integer(),
  fc.jsonValue({ maxDepth: 1 }),
);
const name = fc.constantFrom(
  ...['type', 'conversation', 'seq', 'number', 'message', 'kind', 'id', 'recipients', 'device'],
  ...['ciphertext', 'version', 'lists', 'urgent', 'expiresAt', 'users', '__proto__', 'constructor'],
  ...['toString', 'length', '0', ''],
);

/** A frame with something set, added or taken away anywhere in it. */
const damaged = fc
  .record({
    frame: fc.constantFrom(...FRAMES),
    changes: fc.array(
      fc.record({ place: fc.nat(50), field: name, value: strange, removes: fc.boolean() }),
      { maxLength: 3 },
    ),
  })
  .map(({ frame, changes }) => {
    const copy = structuredClone(frame);
    for (const { place, field, value, removes } of changes) {
      const objects = objectsIn(copy);
      const object = objects[place % objects.length];
      // A strange value may have taken the place of all the rest.
      if (object === undefined) continue;
      const own = Object.keys(object);
      const known = own[place % Math.max(own.length, 1)] ?? '0';
      const changed = Array.isArray(object) || place % 2 ? known : field;
      if (removes) Reflect.deleteProperty(object, changed);
      else Reflect.defineProperty(object, changed, { value: structuredClone(value), ...OPEN });
    }
    return JSON.stringify(copy);
  });

const OPEN = { enumerable: true, configurable: true, writable: true };

function objectsIn(value: unknown): object[] {
  if (typeof value !== 'object' || value === null) return [];
  return [value, ...Object.values(value).flatMap(objectsIn)];
}

test('every frame is read as the schema reads it, and refused for what the schema finds', () => {
  const outcomes = { taken: 0, refused: 0 };
  const property = fc.property(damaged, (text) => {
    const expected = z.safeDecode(ClientFrame, JSON.parse(text));
    const found = parseClientFrame(text);
    expect(found?.success).toBe(expected.success);
    expect(found?.data).toStrictEqual(expected.data);
    expect(found?.error?.issues).toStrictEqual(expected.error?.issues);
    outcomes[expected.success ? 'taken' : 'refused'] += 1;
  });
  fc.assert(property, { numRuns: process.env.SLOW ? 200_000 : 4_000 });
  // Or it would say nothing.
  expect(outcomes.taken).toBeGreaterThan(100);
  expect(outcomes.refused).toBeGreaterThan(100);
});

test('a ciphertext of the longest that may be is taken, and none that is longer', () => {
  for (const size of [CIPHERTEXT_BYTES_MAX, CIPHERTEXT_BYTES_MAX + 1]) {
    const ciphertext = Buffer.alloc(size, 1).toString('base64url');
    const text = JSON.stringify({ ...GROUP, message: { ...GROUP.message, ciphertext } });
    expect(parseClientFrame(text)?.success).toBe(size === CIPHERTEXT_BYTES_MAX);
  }
});

test('what is no JSON is told from what is no frame', () => {
  expect(parseClientFrame('{')).toBeUndefined();
  expect(parseClientFrame('')).toBeUndefined();
  for (const text of ['null', '[]', '1', '"ack"', '{}']) {
    expect(parseClientFrame(text)?.success).toBe(false);
  }
});
