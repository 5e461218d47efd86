import { expect, test } from 'vitest';
import {
  backspace,
  cutToEnd,
  cutToStart,
  cutWord,
  deleteNext,
  draftOf,
  end,
  home,
  insert,
  layOut,
  left,
  right,
  wordLeft,
} from './edit-line.ts';

test('letters are moved over and taken away as people see them', () => {
  const draft = draftOf('a👨‍👩‍👧é');
  expect(backspace(draft).text).toBe('a👨‍👩‍👧');
  expect(backspace(backspace(draft)).text).toBe('a');
  expect(deleteNext(right(home(draft))).text).toBe('aé');
  expect(left(left(left(left(draft)))).cursor).toBe(0);
  expect(right(draft)).toEqual(draft);
});

test('words and lines are cut as in a shell', () => {
  expect(cutWord(draftOf('one two  ')).text).toBe('one ');
  expect(cutToStart(draftOf('one\ntwo')).text).toBe('one\n');
  expect(cutToEnd(home(draftOf('one\ntwo'))).text).toBe('one\n');
  expect(end(home(draftOf('one\ntwo'))).cursor).toBe(7);
  expect(wordLeft(draftOf('one two')).cursor).toBe(4);
});

test('what no keyboard means to write is not taken in', () => {
  expect(insert(draftOf('a'), '\u001b[31mb\u0007\r\nc\td').text).toBe('a[31mb\nc    d');
});

test('a draft is laid out in rows, with the cursor where the next letter goes', () => {
  expect(layOut(draftOf('abcdef'), 4)).toEqual({
    rows: ['abc', 'def', ''].slice(0, 2),
    x: 3,
    y: 1,
  });
  expect(layOut(draftOf(''), 4)).toEqual({ rows: [''], x: 0, y: 0 });
  expect(layOut(draftOf('日本語'), 5)).toEqual({ rows: ['日本', '語'], x: 2, y: 1 });
  expect(layOut(home(draftOf('one\ntwo')), 9)).toMatchObject({ x: 0, y: 1 });
});
