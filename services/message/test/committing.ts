/** Committers over one database, without sockets: rooms of two, sends with promises for answers, readers by cursor. */
import { randomUUID } from 'node:crypto';
import {
  type ApiError,
  ConversationId,
  DeviceId,
  type OutgoingMessage,
  type Stored,
  UserId,
} from '@sotto/api';
import { createLogger, createMetrics, type Database, migrate, openDatabase } from '@sotto/runtime';
import { testDatabase } from '@sotto/runtime/testing';
import { createAudiences } from '../src/audiences.ts';
import { type CommitLine, createCommitLine } from '../src/commit-line.ts';
import { Committer } from '../src/committer.ts';
import { openDirect } from '../src/conversation-store.ts';
import { storeDeviceList } from '../src/copy-store.ts';
import { createEvents } from '../src/events.ts';
import { findOwnId } from '../src/history-store.ts';
import { createMessageAges } from '../src/message-age.ts';
import { migrations } from '../src/migrations/index.ts';
import { makePartitions } from '../src/partitions.ts';
import type { Tables } from '../src/schema.ts';
import { makeSend } from '../src/send.ts';

export interface Committing {
  database: Database<Tables>;
  /** A conversation of two who have one device each. */
  addRoom(): Promise<Room>;
  /** A node's committer. Stop it. */
  start(): CommittingNode;
  /** Reads a conversation by cursor while it is written; rejects when a place is skipped. Resolves to how far it came. */
  follow(conversation: ConversationId, isDone: () => boolean): Promise<number>;
  close(): Promise<void>;
}

export interface CommittingNode {
  committer: Committer;
  /** What the database ended its transactions with so far, as SQLSTATEs. */
  failures: readonly unknown[];
  stop(): Promise<void>;
}

export interface Member {
  user: UserId;
  device: DeviceId;
}

export interface Room {
  conversation: ConversationId;
  members: [Member, Member];
}

/** A member, and the socket that it sends by. */
export interface Sender extends Member {
  origin?: object;
}

/** Opens a database of its own. Close it. */
export async function openCommitting(): Promise<Committing> {
  const testing = await testDatabase();
  const database = openDatabase<Tables>(testing.options('message'));
  await migrate(database, database.schema, migrations);
  await makePartitions(database);

  async function addMember(): Promise<Member> {
    const user = UserId.parse(randomUUID());
    const device = DeviceId.parse(randomUUID());
    await storeDeviceList(database, { user, version: 1, devices: [device] });
    return { user, device };
  }

  return {
    database,
    async addRoom() {
      const members: [Member, Member] = [await addMember(), await addMember()];
      const pair = members.map(({ user }) => user).toSorted() as [UserId, UserId];
      const id = ConversationId.parse(randomUUID());
      const conversation = await openDirect(database.query, pair, id);
      if (conversation === undefined) throw new Error('nobody has been erased');
      return { conversation, members };
    },
    start() {
      const lines = [createCommitLine(database), createCommitLine(database)];
      const failures: unknown[] = [];
      const committer = startCommitter(database, lines, failures);
      return {
        committer,
        failures,
        async stop() {
          await committer.close();
          await Promise.all(lines.map((line) => line.close()));
        },
      };
    },
    follow: (conversation, isDone) => follow(database, conversation, isDone),
    async close() {
      await database.close();
      await testing.close();
    },
  };
}

function startCommitter(
  database: Database<Tables>,
  lines: readonly CommitLine[],
  failures: unknown[],
): Committer {
  const log = createLogger({ service: 'test', level: 'silent' });
  const events = createEvents(createMetrics('test'), log);
  const copies = { fetchDeviceList: async () => undefined };
  return new Committer({
    audiences: createAudiences({ database, copies, clock: Date.now }),
    ages: createMessageAges({ days: 30, clock: Date.now }),
    lines,
    events: {
      ...events,
      commitFailed(failure, error) {
        failures.push(error instanceof Error && 'code' in error ? error.code : error);
        events.commitFailed(failure, error);
      },
    },
    findOwnId: ({ sender, message }) => findOwnId(database, sender.device, message.id),
    makePartitions: () => makePartitions(database),
    onCommit: () => undefined,
  });
}

/** Sends as by a request, or by the sender's socket. Rejects with the refusal. */
export function submit(
  committer: Committer,
  { origin, ...sender }: Sender,
  message: OutgoingMessage,
): Promise<Stored> {
  return new Promise((resolve, reject: (error: ApiError) => void) => {
    const answer = { onStored: resolve, onRefused: reject };
    committer.submit(makeSend({ message, sender, lane: { pending: new Set() }, answer, origin }));
  });
}

async function follow(
  { query }: Database<Tables>,
  conversation: ConversationId,
  isDone: () => boolean,
): Promise<number> {
  let cursor = 0;
  for (let wasDone = false; ; wasDone = isDone()) {
    const rows = await query
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
