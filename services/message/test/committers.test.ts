/** Many committers over one database, with overlapping conversations and repeated ids: one order, no gap, nothing twice. */
import { randomUUID } from 'node:crypto';
import {
  type ApiError,
  ConversationId,
  DeviceId,
  type MessageId,
  type OutgoingMessage,
  type Stored,
  UserId,
} from '@sotto/api';
import { createLogger, createMetrics, type Database, migrate, openDatabase } from '@sotto/runtime';
import { type TestDatabase, testDatabase } from '@sotto/runtime/testing';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { createAudiences } from '../src/audiences.ts';
import { type CommitLine, createCommitLine } from '../src/commit-line.ts';
import { Committer } from '../src/committer.ts';
import { openDirect } from '../src/conversation-store.ts';
import { storeDeviceList } from '../src/copy-store.ts';
import { writeCursors } from '../src/cursor-store.ts';
import { createEvents } from '../src/events.ts';
import { findOwnId } from '../src/history-store.ts';
import { AUDIENCE_READS_MAX, INQUIRIES_PER_SOCKET_MAX, PARTITIONS_TICK_MS } from '../src/limits.ts';
import { createMessageAges } from '../src/message-age.ts';
import { migrations } from '../src/migrations/index.ts';
import { keepPartitions, makePartitions } from '../src/partitions.ts';
import type { Tables } from '../src/schema.ts';
import { makeSend } from '../src/send.ts';
import { messageFor, newId } from './messages.ts';

let testing: TestDatabase;
let database: Database<Tables>;

beforeAll(async () => {
  testing = await testDatabase();
  database = openDatabase<Tables>(testing.options('message'));
  await migrate(database, database.schema, migrations);
  await makePartitions(database);
});

afterAll(async () => {
  await database.close();
  await testing.close();
});

interface Member {
  user: UserId;
  device: DeviceId;
}

interface Room {
  conversation: ConversationId;
  members: [Member, Member];
}

async function addMember(): Promise<Member> {
  const user = UserId.parse(randomUUID());
  const device = DeviceId.parse(randomUUID());
  await storeDeviceList(database, { user, version: 1, devices: [device] });
  return { user, device };
}

async function addRoom(): Promise<Room> {
  const members: [Member, Member] = [await addMember(), await addMember()];
  const pair = members.map(({ user }) => user).toSorted() as [UserId, UserId];
  const id = ConversationId.parse(randomUUID());
  const conversation = await openDirect(database.query, pair, id);
  if (conversation === undefined) throw new Error('nobody has been erased');
  return { conversation, members };
}

function startCommitter(lines: readonly CommitLine[]): Committer {
  const log = createLogger({ service: 'test', level: 'silent' });
  const copies = { fetchDeviceList: async () => undefined };
  return new Committer({
    audiences: createAudiences({ database, copies, clock: Date.now }),
    ages: createMessageAges({ days: 30, clock: Date.now }),
    lines,
    events: createEvents(createMetrics('test'), log),
    findOwnId: ({ sender, message }) => findOwnId(database, sender.device, message.id),
    makePartitions: () => makePartitions(database),
    onCommit: () => undefined,
  });
}

const linesOf = () => [createCommitLine(database), createCommitLine(database)];

/** A member, and the socket that it sends by. */
interface Sender extends Member {
  origin?: object;
}

function submit(
  committer: Committer,
  { origin, ...sender }: Sender,
  message: OutgoingMessage,
): Promise<Stored> {
  return new Promise((resolve, reject: (error: ApiError) => void) => {
    const answer = { onStored: resolve, onRefused: reject };
    committer.submit(makeSend({ message, sender, lane: { pending: new Set() }, answer, origin }));
  });
}

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

/** Reads a conversation by cursor while it is written; rejects when a place is skipped. */
async function follow(conversation: ConversationId, isDone: () => boolean): Promise<number> {
  let cursor = 0;
  for (let wasDone = false; ; wasDone = isDone()) {
    const rows = await database.query
      .selectFrom('messages')
      .where('conversation', '=', conversation)
      .where('seq', '>', cursor)
      .orderBy('seq')
      .select('seq')
      .execute();
    for (const { seq } of rows) {
      if (seq !== cursor + 1) throw new Error(`the reader saw ${seq} after ${cursor}`);
      cursor = seq;
    }
    if (wasDone && rows.length === 0) return cursor;
  }
}

test('sixteen committers that share conversations and ids keep one order without gaps', async () => {
  const rooms = await Promise.all(Array.from({ length: 12 }, addRoom));
  const lines = Array.from({ length: 16 }, linesOf);
  const committers = lines.map(startCommitter);
  const planned = plan(rooms, 1_500);
  let isDone = false;
  const readers = rooms.map(({ conversation }) => follow(conversation, () => isDone));
  const answers = new Map<MessageId, Set<string>>();
  await Promise.all(
    planned.flatMap(({ sender, message }, index) => {
      // Every third goes to three committers, twice to one of them.
      const copies = index % 3 === 0 ? [index, index, index * 7 + 1, index * 5 + 3] : [index];
      return copies.map(async (choice) => {
        const committer = committers[choice % committers.length];
        if (committer === undefined) throw new Error('no committer');
        const stored = await submit(committer, sender, message);
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
  await Promise.all(committers.map((committer) => committer.close()));
  await Promise.all(lines.flat().map((line) => line.close()));
});

test('a commit whose connection is cut under way is found again by its ids', async () => {
  const room = await addRoom();
  const [sender, reader] = room.members;
  const lines = linesOf();
  const committer = startCommitter(lines);
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
  await committer.close();
  await Promise.all(lines.map((line) => line.close()));
});

test('one row that the database will not take costs nobody else their place', async () => {
  const room = await addRoom();
  const [sender, reader] = room.members;
  const lines = linesOf();
  const committer = startCommitter(lines);
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
  await committer.close();
  await Promise.all(lines.map((line) => line.close()));
});

test('a lock that another transaction holds delays a batch, and nothing is lost', async () => {
  const room = await addRoom();
  const [sender, reader] = room.members;
  const lines = linesOf();
  const committer = startCommitter(lines);
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
    { timeout: 5_000 },
  );
  await new Promise((resolve) => setTimeout(resolve, 1_300));
  await holder.query('rollback');
  holder.release();
  expect((await sends).map(({ seq }) => seq)).toEqual([1, 2, 3]);
  await committer.close();
  await Promise.all(lines.map((line) => line.close()));
});

test('the same id with other content in one batch is a conflict, whichever came first', async () => {
  const room = await addRoom();
  const [sender, reader] = room.members;
  const lines = linesOf();
  const committer = startCommitter(lines);
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
  await committer.close();
  await Promise.all(lines.map((line) => line.close()));
});

test('a week without a partition gets one from the first message in it', async () => {
  const room = await addRoom();
  const [sender, reader] = room.members;
  const lines = linesOf();
  const committer = startCommitter(lines);
  const { rows } = await database.pool.query<{ name: string }>(
    `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'messages'::regclass`,
  );
  expect(rows.length).toBeGreaterThan(0);
  for (const { name } of rows) await database.pool.query(`drop table ${name}`);
  const stored = await submit(committer, sender, messageFor(room.conversation, [reader]));
  expect(stored.seq).toBe(1);
  await committer.close();
  await Promise.all(lines.map((line) => line.close()));
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
  await vi.waitFor(async () => expect(await newest()).toBe(before));
});

test('a cursor rises and never falls, whoever writes it', async () => {
  const { conversation, members } = await addRoom();
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
  const room = await addRoom();
  const [honest, reader] = room.members;
  const lines = linesOf();
  const committer = startCommitter(lines);
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
  expect(refused).toBeLessThan(50);
  expect(new Set(await Promise.all(guesses))).toEqual(new Set(['conversation.not-found']));
  expect(inUseMax).toBeLessThanOrEqual(INQUIRIES_PER_SOCKET_MAX + 1);

  // As many requests, which have no socket in common, are bounded for the node.
  inUseMax = 0;
  await Promise.allSettled(flood(reader));
  expect(inUseMax).toBeLessThanOrEqual(AUDIENCE_READS_MAX);
  database.pool.off('acquire', onAcquire).off('release', onRelease);
  await committer.close();
  await Promise.all(lines.map((line) => line.close()));
});
