import { ConversationId, type UserId } from '@sotto/api';
import { createMembershipLog, makeIdentity, signMembershipEntry } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { expect, test } from 'vitest';
import type { GroupRecord } from '../messages/conversation-record.ts';
import type { StoreTransaction } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { logStep, membersAt } from './group-log.ts';

const [ALICE, BOB, CAROL] = [idOf(1), idOf(2), idOf(3)];
const CONVERSATION = ConversationId.parse(idOf(9));

test('who was in a group at a place is known for each place, and the log is read once for all of them', async () => {
  const store = openMemoryStore();
  await store.transaction(async (transaction) => {
    const record = await writeLog(transaction);
    let lists = 0;
    const counting: StoreTransaction = {
      ...transaction,
      list(range) {
        lists += 1;
        return transaction.list(range);
      },
    };
    const at = async (seq: number) => (await membersAt(counting, record, seq)).toSorted();
    expect(await at(1)).toEqual([ALICE, BOB]);
    const listsOfOne = lists;
    for (let seq = 2; seq < 5; seq++) expect(await at(seq)).toEqual([ALICE, BOB]);
    for (let seq = 5; seq < 9; seq++) expect(await at(seq)).toEqual([ALICE, BOB, CAROL]);
    expect(await at(9)).toEqual([ALICE, CAROL]);
    expect(lists).toBe(listsOfOne);
  });
});

/** Alice makes a group with Bob at place 1, adds Carol at 5, and removes Bob at 9. */
async function writeLog(transaction: StoreTransaction): Promise<GroupRecord> {
  const author = { user: ALICE, identity: makeIdentity(nodeProvider) };
  const group = { conversation: CONVERSATION, time: 0, users: [BOB] };
  const made = createMembershipLog(nodeProvider, author, group);
  const sign = (membership: typeof made.membership, type: 'add' | 'remove', user: string) => {
    const action = { type, users: [user] };
    return signMembershipEntry(nodeProvider, { author, membership }, { action, time: 0 });
  };
  const added = sign(made.membership, 'add', CAROL);
  const removed = sign(added.membership, 'remove', BOB);
  let record: GroupRecord | undefined;
  for (const [seq, { encoded: entry, membership }] of [
    [1, made],
    [5, added],
    [9, removed],
  ] as const) {
    record = await logStep(transaction, record, { seq, entry, membership });
  }
  return record ?? expect.fail('there is no log');
}

function idOf(number: number): UserId {
  return `0193f000-0000-7000-8000-${String(number).padStart(12, '0')}` as UserId;
}
