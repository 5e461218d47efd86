/** Titles and their keys come in any order, and from several admins at once. */
import { ConversationId, type UserId } from '@sotto/api';
import { makeGroupTitleKey, sealGroupTitle } from '@sotto/crypto';
import { nodeProvider as provider } from '@sotto/crypto/node';
import { expect, test } from 'vitest';
import { SPARE_TITLE_KEYS_MAX } from '../limits.ts';
import type { GroupRecord } from '../messages/conversation-record.ts';
import { takeTitle, takeTitleKey } from './group-title.ts';

const id = ConversationId.parse('018f0000-0000-7000-8000-0000000000c1');
const [first, second] = [makeGroupTitleKey(provider), makeGroupTitleKey(provider)];
const [one, two] = [titled('one', first), titled('two', second)];

test.each([
  { order: 'the key first', steps: [give(first), show(one)] },
  { order: 'the title first', steps: [show(one), give(first)] },
  { order: 'another key first', steps: [give(second), give(first), show(one)] },
  { order: 'another key between', steps: [show(one), give(second), give(first)] },
  { order: 'both keys twice', steps: [give(first), give(second), give(first), show(one)] },
])('a title is shown once it and its key are there: $order', ({ steps }) => {
  const after = steps.reduce((record, step) => step(record), named(one));
  expect(after).toMatchObject({ title: 'one', titleKey: first });
});

test('the key of a title that is on its way stays when another one opens', () => {
  const before = [give(second), give(first), show(one)].reduce((it, step) => step(it), named(one));
  const { title: _, sealedTitle: __, ...renamed } = before;
  const after = show(two)({ ...renamed, titleHash: provider.sha256(two) });
  expect(after).toMatchObject({ title: 'two', titleKey: second });
});

test('a title that the log does not name is not taken', () => {
  expect(takeTitle(provider, named(one), two)).toEqual(named(one));
});

test('however many keys somebody sends, few are kept, and the one in use is', () => {
  let record = [give(first), show(one)].reduce((it, step) => step(it), named(one));
  for (let count = 0; count < 100; count++) {
    record = takeTitleKey(provider, record, makeGroupTitleKey(provider));
  }
  expect(record.spareTitleKeys).toHaveLength(SPARE_TITLE_KEYS_MAX);
  expect(record).toMatchObject({ title: 'one', titleKey: first });
});

function titled(title: string, key: Uint8Array): Uint8Array {
  return sealGroupTitle(provider, { key, conversation: id }, title);
}

function named(sealed: Uint8Array): GroupRecord {
  const head = { version: 2, hash: new Uint8Array(32) };
  const user = id as string as UserId;
  const members = { members: [user], admins: [user], since: [1] };
  return { id, kind: 'group', ...members, head, titleHash: provider.sha256(sealed) };
}

function give(key: Uint8Array) {
  return (record: GroupRecord) => takeTitleKey(provider, record, key);
}

function show(sealed: Uint8Array) {
  return (record: GroupRecord) => takeTitle(provider, record, sealed);
}
