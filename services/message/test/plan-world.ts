/** What queries are asked with: somebody of the big database, and ways to ask so that it stays as it was. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Database, Statement } from '@sotto/runtime';
import type { Transaction } from 'kysely';
import { BEGIN, CONNECTION_SETTINGS, type CommitMessage, ROLLBACK } from '../src/commit-store.ts';
import type { MembershipStep } from '../src/membership-step.ts';
import type { Tables } from '../src/schema.ts';
import type { Sample } from './big-database.ts';
import { newId } from './messages.ts';

/** The indexes that a query may look rows up in, and the query, or a few that belong together. */
export type Query = readonly [indexes: string, run: () => Promise<unknown>];

/** By module and name. */
export type Queries = Record<string, Record<string, Query>>;

type Work = (transaction: Transaction<Tables>) => Promise<unknown>;

export type World = ReturnType<typeof makeWorld>;

/** All that any query needs. */
export function makeWorld(database: Database<Tables>, sample: Sample) {
  const { user, device, other, conversation } = sample;
  const who = { user, device };
  const message: CommitMessage = {
    ...{ room: 0, id: newId(), sender: who, kind: 'direct', expiresAt: Date.now() },
    ...{ digest: randomBytes(32), packed: randomBytes(60) },
  };
  return {
    ...sample,
    ...{ database, query: database.query, who, message },
    places: { conversation, above: 0, upTo: 10, limit: 256 },
    block: { blocker: user, blocked: other },
    node: randomUUID(),
    wake: { device, endpoint: '', urgent: true, attempts: 1, due_at: new Date() },
    room: { conversation, version: 1, versionSum: 0, listChanges: -1 },
    step: stepOf(sample),
    undone: (work: Work) => () => undo(database, work),
    committing: (statement: () => Statement) => () => asCommit(database, statement()),
  };
}

/** An entry by which one comes into the group and another goes. */
function stepOf({ group, user, other }: Sample): MembershipStep {
  const member = (id: string) => ({ user: id, role: 'member', since: 1 }) as const;
  const groupOf = (version: number, id: string) => ({
    conversation: group,
    head: { version, hash: randomBytes(32) },
    members: [member(id)],
    titleHash: undefined,
  });
  return {
    ...{ conversation: group, entry: randomBytes(100) },
    ...{ before: groupOf(10, user), after: groupOf(11, other) },
  };
}

/** A statement of a commit, as the connections for commits have it, rolled back. */
async function asCommit({ pool }: Database<Tables>, statement: Statement): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query(CONNECTION_SETTINGS);
    await client.query(BEGIN);
    await client.query(statement);
    await client.query(ROLLBACK);
  } finally {
    // Not for others: its settings would stay.
    client.release(true);
  }
}

/** Work in a transaction that is rolled back. */
async function undo({ query }: Database<Tables>, work: Work): Promise<void> {
  const rollback = new Error('rolled back');
  const undoing = query.transaction().execute(async (transaction) => {
    await work(transaction);
    throw rollback;
  });
  await undoing.catch((error) => {
    if (error !== rollback) throw error;
  });
}
