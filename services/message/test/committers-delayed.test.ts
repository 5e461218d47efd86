/** Committers whose transactions take their time while they hold their locks, and get into each other's way. */
import type { ApiError, MessageId } from '@sotto/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Committing, openCommitting, type Room, submit } from './committing.ts';
import { messageFor, newId } from './messages.ts';

let committing: Committing;

/** Now and then up to 20 ms between two ids of a batch, with every lock in hand. */
const DELAY = `
  create function delay() returns trigger language plpgsql as $$
  begin
    perform pg_sleep(random() * 0.02);
    return new;
  end $$;
  create trigger delay before insert on message_ids for each row
    when (random() < 0.1) execute function delay()`;

/** A deadlock is told apart from a long wait: found before `lock_timeout` ends both alike. */
const SOON = `do $$ begin
  execute format('alter database %I set deadlock_timeout = 50', current_database());
end $$`;

beforeAll(async () => {
  committing = await openCommitting();
  await committing.database.pool.query(DELAY);
  await committing.database.pool.query(SOON);
});

afterAll(() => committing.close());

function at<Item>(items: readonly Item[], place: number): Item {
  const item = items[place % items.length];
  if (item === undefined) throw new Error('nothing there');
  return item;
}

const DEADLOCK = '40P01';

test('sixteen slow committers with overlapping batches leave no gap, nothing twice, and no client refused', async () => {
  const rooms = await Promise.all(Array.from({ length: 8 }, committing.addRoom));
  const nodes = Array.from({ length: 16 }, committing.start);
  let isDone = false;
  const readers = rooms.map(({ conversation }) => committing.follow(conversation, () => isDone));
  const seqs = new Map<MessageId, Set<number>>();
  let sent = 0;
  // Each round every committer gets a batch over all rooms, and half of what its neighbour gets.
  for (let round = 0; round < 6; round += 1) {
    const planned = Array.from({ length: 96 }, (_, index) => {
      const { conversation, members } = at(rooms, index);
      const [sender, reader] = index % 16 < 8 ? members : [members[1], members[0]];
      return { sender, message: messageFor(conversation, [reader]) };
    });
    sent += planned.length;
    await Promise.all(
      planned.flatMap(({ sender, message }, index) =>
        (index % 2 === 0 ? [index, index + 1, index + 1] : [index]).map(async (choice) => {
          const { seq } = await submit(at(nodes, choice).committer, sender, message);
          seqs.set(message.id, (seqs.get(message.id) ?? new Set()).add(seq));
        }),
      ),
    );
  }
  isDone = true;
  const counted = await Promise.all(readers);
  expect(counted.reduce((sum, count) => sum + count, 0)).toBe(sent);
  expect(seqs.size).toBe(sent);
  expect([...seqs.values()].every((given) => given.size === 1)).toBe(true);
  expect(nodes.flatMap(({ failures }) => failures)).not.toContain(DEADLOCK);
  await Promise.all(nodes.map((node) => node.stop()));
}, 60_000);

test('ids that cross between two batches end in one place each, and in a conflict for the other', async () => {
  const [one, other] = [await committing.addRoom(), await committing.addRoom()];
  const [sender, reader] = one.members;
  // No honest device uses an id again, in another room and another order; this one is a member of both.
  await committing.database.query
    .updateTable('conversation_members')
    .set({ user_id: sender.user })
    .where('conversation', '=', other.conversation)
    .where('user_id', '=', other.members[0].user)
    .execute();
  const nodes = [committing.start(), committing.start()];
  for (let round = 0; round < 5; round += 1) {
    const ids = Array.from({ length: 20 }, () => newId());
    const send = (
      room: Room,
      to: Room['members'][number],
      own: readonly MessageId[],
      node: number,
    ) =>
      own.map((id) =>
        submit(at(nodes, node).committer, sender, messageFor(room.conversation, [to], { id })).then(
          () => 'stored',
          (error: ApiError) => error.code,
        ),
      );
    const answers = await Promise.all([
      ...send(one, reader, ids, 0),
      ...send(other, other.members[1], ids.toReversed(), 1),
    ]);
    expect(answers.filter((answer) => answer === 'stored')).toHaveLength(ids.length);
    expect(answers.filter((answer) => answer === 'message.id-conflict')).toHaveLength(ids.length);
  }
  // The database had something to end, and no client heard of it.
  expect(nodes.flatMap(({ failures }) => failures)).toContain(DEADLOCK);
  await Promise.all(nodes.map((node) => node.stop()));
}, 60_000);
