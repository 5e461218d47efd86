/** The checker is held to catch what it is there for. */
import { expect, test } from 'vitest';
import { type Audience, Receipts } from './receipts.ts';

const EVERYBODY = 0xffff_ffff;
/** Three readers of one conversation of four letters; the first two write. */
const LETTERS = [
  { conversation: 0, seq: 1, sender: 0, number: 1 },
  { conversation: 0, seq: 2, sender: 1, number: 2 },
  { conversation: 0, seq: 3, sender: 0, number: 3 },
  { conversation: 0, seq: 4, sender: 1, number: 4 },
];
const AUDIENCE: Audience = { conversation: 0, readers: 0b111, changes: [], last: 4 };

type Course = { given: (typeof LETTERS)[number]; reader: number }[];

function course(): Course {
  const readers = [0, 1, 2];
  return LETTERS.flatMap((given) =>
    readers.filter((reader) => reader !== given.sender).map((reader) => ({ given, reader })),
  );
}

function judge(events: Course, more: (receipts: Receipts) => void = () => undefined) {
  const receipts = new Receipts();
  for (const letter of LETTERS) receipts.stored(letter, EVERYBODY);
  for (const { given, reader } of events) receipts.given(given, reader);
  more(receipts);
  return receipts.judge([AUDIENCE]);
}

const NO_FAULT = { lost: 0, twice: 0, disordered: 0, unaccounted: 0, strayed: 0, findings: [] };

test('what everybody was given once and in order is found good', () => {
  expect(judge(course())).toEqual({ letters: 4, deliveries: 8, repeats: 0, ...NO_FAULT });
});

test('a letter that did not reach somebody is lost', () => {
  const events = course().filter(({ given, reader }) => given.seq !== 3 || reader !== 2);
  expect(judge(events)).toMatchObject({ lost: 1, findings: ['lost: 0:3 did not reach 2'] });
});

test('a letter whose place was told to be empty is lost', () => {
  const events = course().filter(({ given, reader }) => given.seq !== 3 || reader !== 2);
  const verdict = judge(events, (receipts) => receipts.empty(0, { from: 3, to: 3 }, 2));
  expect(verdict).toMatchObject({ lost: 1 });
  const both = judge(course(), (receipts) => receipts.empty(0, { from: 3, to: 3 }, 2));
  expect(both).toMatchObject({ lost: 1 });
});

test('an acknowledged letter that stands nowhere is lost', () => {
  const verdict = judge(course(), (receipts) =>
    receipts.stored({ conversation: 0, seq: 4, sender: 1, number: 9 }, EVERYBODY),
  );
  expect(verdict.lost).toBe(1);
});

test('a letter at two places is there twice', () => {
  const again = { conversation: 0, seq: 5, sender: 1, number: 2 };
  const receipts = new Receipts();
  for (const letter of [...LETTERS, again]) receipts.stored(letter, EVERYBODY);
  for (const { given, reader } of course()) receipts.given(given, reader);
  for (const reader of [0, 2]) receipts.given(again, reader);
  const verdict = receipts.judge([{ ...AUDIENCE, last: 5 }]);
  expect(verdict).toMatchObject({ twice: 1, lost: 0, disordered: 0 });
});

test('a letter given again at its place is only a repetition', () => {
  expect(judge([...course(), ...course().slice(-1)])).toMatchObject({ repeats: 1, ...NO_FAULT });
});

test('a letter that was given after a later one is out of order', () => {
  const own = course().filter(({ reader }) => reader === 2);
  const others = course().filter(({ reader }) => reader !== 2);
  const [first, second, ...rest] = own;
  const events = [...others, second, first, ...rest].filter((event) => event !== undefined);
  expect(events).toHaveLength(course().length);
  expect(judge(events)).toMatchObject({ disordered: 1, lost: 0, twice: 0 });
});

test('a sender whose letters do not stand in its order is out of order', () => {
  const swapped = LETTERS.map((letter) => ({
    ...letter,
    number: letter.sender === 0 ? 4 - letter.number : letter.number,
  }));
  const receipts = new Receipts();
  for (const letter of swapped) receipts.stored(letter, EVERYBODY);
  for (const { given, reader } of course()) {
    const letter = swapped.find(({ seq }) => seq === given.seq);
    if (letter !== undefined) receipts.given(letter, reader);
  }
  expect(receipts.judge([AUDIENCE])).toMatchObject({ disordered: 1, twice: 0, lost: 0 });
});

test('two readers who see different letters at one place are found out', () => {
  const verdict = judge([
    ...course(),
    { given: { conversation: 0, seq: 2, sender: 0, number: 7 }, reader: 0 },
  ]);
  expect(verdict.disordered).toBe(1);
});

test('a place of which nobody or not everybody heard is unaccounted for', () => {
  const receipts = new Receipts();
  const targeted = { conversation: 0, seq: 1, sender: 0, number: 1 };
  receipts.stored(targeted, 0b010);
  receipts.given(targeted, 1);
  const verdict = receipts.judge([{ ...AUDIENCE, last: 2 }]);
  // The third reader of the first place, and all three and the place itself of the second.
  expect(verdict).toMatchObject({ lost: 0, unaccounted: 3 });
  expect(verdict.findings).toContain('unaccounted: 2 heard nothing of 0:1');
  expect(verdict.findings).toContain('unaccounted: nobody knows what stands at 0:2');
});

test('a removed member is owed the entry by which it went and nothing above, and a joining one nothing below', () => {
  const changes = [
    { seq: 1, readers: 0b011 },
    { seq: 3, readers: 0b101 },
  ];
  const audience = { conversation: 0, readers: 0, changes, last: 4 };
  const letters = [
    { conversation: 0, seq: 2, sender: 0, number: 1 },
    { conversation: 0, seq: 4, sender: 0, number: 2 },
  ] as const;
  const run = (more: (receipts: Receipts) => void = () => undefined) => {
    const receipts = new Receipts();
    for (const letter of letters) receipts.stored(letter, EVERYBODY);
    for (const reader of [0, 1]) receipts.entry({ conversation: 0, seq: 1 }, reader);
    receipts.given(letters[0], 1);
    for (const reader of [0, 1, 2]) receipts.entry({ conversation: 0, seq: 3 }, reader);
    receipts.given(letters[1], 2);
    more(receipts);
    return receipts.judge([audience]);
  };
  expect(run()).toEqual({ letters: 2, deliveries: 2, repeats: 0, ...NO_FAULT });
  expect(run((receipts) => receipts.given(letters[1], 1))).toMatchObject({ strayed: 1 });
  expect(run((receipts) => receipts.given(letters[0], 2))).toMatchObject({ strayed: 1 });
});

test('a letter that was given up may have been stored, and then reaches whom it named', () => {
  const receipts = new Receipts();
  const letter = { conversation: 0, seq: 1, sender: 0, number: 1 };
  receipts.withdrawn(1, 0b010);
  for (const reader of [0, 2]) receipts.empty(0, { from: 1, to: 1 }, reader);
  receipts.given(letter, 1);
  expect(receipts.judge([{ ...AUDIENCE, last: 1 }])).toMatchObject(NO_FAULT);
});
