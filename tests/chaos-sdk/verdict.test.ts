/** That the checker of `npm run chaos-sdk` finds what it is there to find. */
import { randomUUID } from 'node:crypto';
import { ConversationId } from '@sotto/api';
import type { HistoryItem } from '@sotto/client';
import { expect, test } from 'vitest';
import { judge, type Reader } from './verdict.ts';

const id = ConversationId.parse(randomUUID());
const TEXTS = ['0 anna 0', '0 anna 1'];
const GOOD = { missing: 0, twice: 0, disordered: 0, unreadable: 0, untaken: 0 };

test('a history with all of it, once and in order, is good', async () => {
  const verdict = await judgeBeside(says(1, '0 anna 0'), says(2, '0 anna 1'));
  expect(verdict).toMatchObject({ ...GOOD, expected: 4, findings: [] });
});

test('what is missing, doubled, out of order, at another place or unreadable is counted', async () => {
  expect(await judgeBeside(says(1, '0 anna 0'))).toMatchObject({ ...GOOD, missing: 1 });
  const doubled = [says(1, '0 anna 0'), says(2, '0 anna 1'), says(3, '0 anna 1')] as const;
  expect(await judgeBeside(...doubled)).toMatchObject({ ...GOOD, twice: 1, disordered: 2 });
  const swapped = [says(1, '0 anna 1'), says(2, '0 anna 0')] as const;
  expect(await judgeBeside(...swapped)).toMatchObject({ ...GOOD, disordered: 3 });
  const unread = { ...says(3, ''), type: 'unreadable', cause: 'message.invalid' } as const;
  const all = [says(1, '0 anna 0'), says(2, '0 anna 1'), unread] as const;
  expect(await judgeBeside(...all)).toMatchObject({ ...GOOD, unreadable: 1 });
});

test('what messages() never gave is counted', async () => {
  const items = [says(1, '0 anna 0'), says(2, '0 anna 1')];
  const members = [reader('anna', items), { ...reader('ben', items), taken: new Set<string>() }];
  expect(await judge([roomOf(members)])).toMatchObject({ ...GOOD, untaken: 2 });
});

test('what nobody need have is everybody’s as soon as one has it', async () => {
  const members = [reader('anna', []), reader('ben', [says(1, '0 anna 0')]), reader('cat', [])];
  const room = roomOf(members);
  for (const written of room.written) Object.assign(written, { isSure: false, isForgotten: true });
  expect(await judge([room])).toMatchObject({ ...GOOD, expected: 2, missing: 1 });
});

function judgeBeside(...items: HistoryItem[]) {
  const own = [says(1, '0 anna 0'), says(2, '0 anna 1')];
  return judge([roomOf([reader('anna', own), reader('ben', items)])]);
}

function roomOf(members: Reader[]) {
  const written = TEXTS.map((text) => {
    return { text, author: 'anna', isSure: true, isForgotten: false };
  });
  return { id, members, written };
}

function reader(name: string, items: HistoryItem[]): Reader {
  return { name, taken: new Set(TEXTS), client: () => ({ history: async () => items }) };
}

type Said = Extract<HistoryItem, { type: 'message' }>;

function says(seq: number, text: string): Said {
  const [sender, message] = [{ user: randomUUID(), device: randomUUID() }, randomUUID()];
  return {
    ...{ type: 'message', conversation: id, seq, time: 0, own: false, order: 'next' },
    ...{ id: message, sender, sentAt: new Date(0).toISOString() },
    content: { type: 'text', text },
  } as Said;
}
