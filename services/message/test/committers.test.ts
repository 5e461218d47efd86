/** Many committers over one database, with overlapping conversations and repeated ids: one order, no gap, nothing twice. */
import { randomUUID } from 'node:crypto';
import { type ApiError, ConversationId, type MessageId, type OutgoingMessage } from '@sotto/api';
import { createLogger, type Database } from '@sotto/runtime';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { writeCursors } from '../src/cursor-store.ts';
import { AUDIENCE_READS_MAX, INQUIRIES_PER_SOCKET_MAX, PARTITIONS_TICK_MS } from '../src/limits.ts';
import { keepPartitions } from '../src/partitions.ts';
import type { Tables } from '../src/schema.ts';
import {
  type Committing,
  type Member,
  openCommitting,
  type Room,
  type Sender,
  submit,
} from './committing.ts';
import { messageFor, newId } from './messages.ts';

let committing: Committing;
let database: Database<Tables>;

beforeAll(async () => {
  committing = await openCommitting();
  database = committing.database;
});

afterAll(() => committing.close());

interface Planned {
  sender: Member;
  message: OutgoingMessage;
}

function plan(rooms: readonly Room[], count: number): Planned[] {
  return Array.from({ length: count }, (_, index) => {
    const room = rooms[Math.floor(Math.random() * rooms.length)];
    if (room === undefined) throw new Error('no rooms');
    const [sender, reader] = index % 2 === 0 ? room.members : room.members.toReversed();
    if (sender === undefined || reader === undefined) throw new Error('no members');
    return { sender, message: messageFor(room.conversation, [reader]) };
  });
}

test('sixteen committers that share conversations and ids keep one order without gaps', async () => {
  const rooms = await Promise.all(Array.from({ length: 12 }, committing.addRoom));
  const nodes = Array.from({ length: 16 }, committing.start);
  const planned = plan(rooms, 1_500);
  let isDone = false;
  const readers = rooms.map(({ conversation }) => committing.follow(conversation, () => isDone));
  const answers = new Map<MessageId, Set<string>>();
  await Promise.all(
    planned.flatMap(({ sender, message }, index) => {
      // Every third goes to three committers, twice to one of them.
      const copies = index % 3 === 0 ? [index, index, index * 7 + 1, index * 5 + 3] : [index];
      return copies.map(async (choice) => {
        const node = nodes[choice % nodes.length];
        if (node === undefined) throw new Error('no committer');
        const stored = await submit(node.committer, sender, message);
        const known = answers.get(message.id) ?? new Set();
        answers.set(message.id, known.add(JSON.stringify(stored)));
      });
    }),
  );
  isDone = true;
  const counted = await Promise.all(readers);
  expect(counted.reduce((sum, count) => sum + count, 0)).toBe(planned.length);
  expect([...answers.values()].every((given) => given.size === 1)).toBe(true);
  const rows = await database.query
    .selectFrom('messages')
    .select(['id', 'conversation', 'seq'])
    .execute();
  expect(new Set(rows.map(({ id }) => id)).size).toBe(planned.length);
  expect(new Set(rows.map(({ conversation, seq }) => `${conversation} ${seq}`)).size).toBe(
    rows.length,
  );
  await Promise.all(nodes.map((node) => node.stop()));
});

test('a commit whose connection is cut under way is found again by its ids', async () => {
  const room = await committing.addRoom();
  const [sender, reader] = room.members;
  const { committer, stop } = committing.start();
  await submit(committer, sender, messageFor(room.conversation, [reader]));
  const stored = Promise.all(
    Array.from({ length: 400 }, (_, index) =>
      new Promise((resolve) => setTimeout(resolve, index)).then(() =>
        submit(committer, sender, messageFor(room.conversation, [reader])),
      ),
    ),
  );
  for (let cut = 0; cut < 8; cut += 1) {
    await new Promise((resolve) => setTimeout(resolve, 40));
    await database.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid() and query <> ''`,
    );
  }
  const seqs = (await stored).map(({ seq }) => seq);
  expect(seqs.toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 400 }, (_, index) => index + 2),
  );
  await stop();
});

test('one row that the database will not take costs nobody else their place', async () => {
  const room = await committing.addRoom();
  const [sender, reader] = room.members;
  const { committer, stop } = committing.start();
  await database.pool.query(
    `alter table messages add constraint poison check (octet_length(recipients) <> 20 + 7)`,
  );
  try {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 40 }, (_, index) => {
        const text = index === 17 ? 'poison!' : 'good';
        return submit(committer, sender, messageFor(room.conversation, [reader], { text }));
      }),
    );
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused.map(({ reason }) => reason.code)).toEqual(['internal']);
    const seqs = outcomes.flatMap((outcome) =>
      outcome.status === 'fulfilled' ? [outcome.value.seq] : [],
    );
    expect(seqs.toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 39 }, (_, index) => index + 1),
    );
  } finally {
    await database.pool.query('alter table messages drop constraint poison');
  }
  await stop();
});

test('a lock that another transaction holds delays a batch, and nothing is lost', async () => {
  const room = await committing.addRoom();
  const [sender, reader] = room.members;
  const { committer, stop } = committing.start();
  const holder = await database.pool.connect();
  await holder.query('begin');
  await holder.query('select id from conversations where id = $1 for update', [room.conversation]);
  const sends = Promise.all(
    Array.from({ length: 3 }, () =>
      submit(committer, sender, messageFor(room.conversation, [reader])),
    ),
  );
  // Longer than lock_timeout, so that the batch is halved and tried again.
  await vi.waitFor(
    async () => {
      const { rows } = await database.pool.query(
        `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
      );
      expect(rows.length).toBeGreaterThan(0);
    },
    { timeout: 20_000 },
  );
  await new Promise((resolve) => setTimeout(resolve, 1_300));
  await holder.query('rollback');
  holder.release();
  expect((await sends).map(({ seq }) => seq)).toEqual([1, 2, 3]);
  await stop();
});

test('the same id with other content in one batch is a conflict, whichever came first', async () => {
  const room = await committing.addRoom();
  const [sender, reader] = room.members;
  const { committer, stop } = committing.start();
  const id = newId();
  const outcomes = await Promise.allSettled([
    submit(committer, sender, messageFor(room.conversation, [reader], { id, text: 'one' })),
    submit(committer, sender, messageFor(room.conversation, [reader], { id, text: 'two' })),
    submit(committer, sender, messageFor(room.conversation, [reader], { id, text: 'one' })),
  ]);
  expect(outcomes).toMatchObject([
    { status: 'fulfilled', value: { seq: 1 } },
    { status: 'rejected', reason: { code: 'message.id-conflict' } },
    { status: 'fulfilled', value: { seq: 1 } },
  ]);
  await stop();
});

test('a week without a partition gets one from the first message in it', async () => {
  const room = await committing.addRoom();
  const [sender, reader] = room.members;
  const { committer, stop } = committing.start();
  const { rows } = await database.pool.query<{ name: string }>(
    `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'messages'::regclass`,
  );
  expect(rows.length).toBeGreaterThan(0);
  for (const { name } of rows) await database.pool.query(`drop table ${name}`);
  const stored = await submit(committer, sender, messageFor(room.conversation, [reader]));
  expect(stored.seq).toBe(1);
  await stop();
});

test('partitions are seen to as soon as a machine wakes from a long sleep', async () => {
  const newest = async () => {
    const { rows } = await database.pool.query<{ name: string }>(
      `select max(inhrelid::regclass::text) as name from pg_inherits
       where inhparent = 'messages'::regclass`,
    );
    return rows[0]?.name;
  };
  const before = await newest();
  await database.pool.query(`drop table ${before}`);
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
  onTestFinished(() => void vi.useRealTimers());
  const keeper = keepPartitions(database, createLogger({ service: 'test', level: 'silent' }));
  vi.setSystemTime(Date.now() + 7 * 3_600_000);
  vi.advanceTimersByTime(PARTITIONS_TICK_MS);
  keeper.close();
  vi.useRealTimers();
  await vi.waitFor(async () => expect(await newest()).toBe(before), 20_000);
});

test('a cursor rises and never falls, whoever writes it', async () => {
  const { conversation, members } = await committing.addRoom();
  const [{ device }] = members;
  for (const seq of [3, 7, 5]) await writeCursors(database, [{ device, conversation, seq }]);
  const row = await database.query
    .selectFrom('cursors')
    .where('device', '=', device)
    .select('seq')
    .executeTakeFirstOrThrow();
  expect(row.seq).toBe(7);
});

test('a socket that sends to unknown conversations holds up neither the database nor other sockets', async () => {
  const room = await committing.addRoom();
  const [honest, reader] = room.members;
  const { committer, stop } = committing.start();
  // The first send opens a line to the database, which takes longer than what is measured here.
  await submit(committer, { ...honest, origin: {} }, messageFor(room.conversation, [reader]));
  let inUse = 0;
  let inUseMax = 0;
  const onAcquire = () => {
    inUse += 1;
    inUseMax = Math.max(inUseMax, inUse);
  };
  const onRelease = () => {
    inUse -= 1;
  };
  database.pool.on('acquire', onAcquire).on('release', onRelease);
  const flood = (socket: Sender) =>
    Array.from({ length: 500 }, () => {
      const conversation = ConversationId.parse(randomUUID());
      return submit(committer, socket, messageFor(conversation, [reader]));
    });
  // The committer has a connection of its own. No other one is free, so no guess is answered before these are given back.
  const { pool } = database;
  const held = await Promise.all(
    Array.from({ length: pool.options.max - 1 }, () => pool.connect()),
  );
  let refused = 0;
  const guesses = flood({ ...reader, origin: {} }).map((guess) =>
    guess.catch(({ code }: ApiError) => {
      refused += 1;
      return code;
    }),
  );
  const sender = { ...honest, origin: {} };
  expect(await submit(committer, sender, messageFor(room.conversation, [reader]))).toMatchObject({
    seq: 2,
  });
  expect(refused).toBe(0);
  for (const client of held) client.release();
  inUseMax = 0;
  expect(new Set(await Promise.all(guesses))).toEqual(new Set(['conversation.not-found']));
  expect(inUseMax).toBeLessThanOrEqual(INQUIRIES_PER_SOCKET_MAX + 1);

  // As many requests, which have no socket in common, are bounded for the node.
  inUseMax = 0;
  await Promise.allSettled(flood(reader));
  expect(inUseMax).toBeLessThanOrEqual(AUDIENCE_READS_MAX);
  database.pool.off('acquire', onAcquire).off('release', onRelease);
  await stop();
});
