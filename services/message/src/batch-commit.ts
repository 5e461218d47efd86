/**
 * Brings one batch to disk, whatever stands in its way (DESIGN 2.2).
 *
 * The fast way is one pipelined transaction. A repeated id breaks it: then the ids are looked up first and the rest is
 * kept. Contention and bad rows halve the batch. When the outcome of a commit is unknown, the same ids go again, the
 * slow way. Every send is answered here, but for those whose audience was out of date, which are handed back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from '@sotto/api';
import type { Pipeline } from '@sotto/runtime';
import type { Audience, Room } from './audience.ts';
import { withoutBlockers } from './blocks.ts';
import { type CommitLine, failureOf } from './commit-line.ts';
import {
  BEGIN,
  COMMIT,
  type CommitMessage,
  type CommitRoom,
  findIds,
  type KnownRow,
  lockRooms,
  ROLLBACK,
  sendTransaction,
  type WrittenRow,
  writeMessages,
} from './commit-store.ts';
import type { Events } from './events.ts';
import {
  BUSY_RETRY_SECONDS,
  COMMIT_ATTEMPTS_MAX,
  COMMIT_RECONNECT_MS,
  COMMIT_RECONNECT_PAUSE_MS,
} from './limits.ts';
import { isWanted, refuse, type Send, store } from './send.ts';
import type { StoredMessage } from './stored-message.ts';

/** A send with the audience it was checked against. Sends of one conversation in a batch share theirs. */
export interface Checked {
  readonly send: Send;
  readonly audience: Audience;
}

/** What one transaction wrote. */
export interface Commit {
  /** Its row in the outbox, and its id on the bus. */
  readonly outbox: number;
  readonly eventId: string;
  /** By conversation, in order of `seq` and without gaps. */
  readonly groups: readonly { readonly room: Room; readonly messages: StoredMessage[] }[];
}

export interface BatchCommitDeps {
  line: CommitLine;
  events: Events;
  makePartitions(): Promise<void>;
  onCommit(commit: Commit): void;
}

/** Commits a batch. Resolves with the sends whose audience was out of date; all others have been answered. */
export async function commitBatch(
  deps: BatchCommitDeps,
  batch: readonly Checked[],
): Promise<Checked[]> {
  const run: Run = { ...deps, outdated: [], lostAt: undefined };
  await commitQuickly(run, batch);
  return run.outdated;
}

interface Run extends BatchCommitDeps {
  outdated: Checked[];
  /** When the database was lost, as `performance.now()`. */
  lostAt: number | undefined;
}

type Batch = readonly Checked[];
type Way = (run: Run, batch: Batch) => Promise<void>;

async function commitQuickly(run: Run, batch: Batch): Promise<void> {
  const wanted = batch.filter(({ send }) => isWanted(send));
  if (wanted.length === 0) return;
  try {
    const pipeline = await run.line.connect();
    const { rooms, messages } = layOut(wanted);
    const { command, written } = await sendTransaction(pipeline, rooms, messages);
    assertCommitted(command);
    settle(run, wanted, written);
  } catch (error) {
    await recover(run, wanted, { error, way: commitQuickly });
  }
}

/** Looks the ids up under the locks, answers those that are known, writes the rest. */
async function commitSlowly(run: Run, batch: Batch): Promise<void> {
  const wanted = batch.filter(({ send }) => isWanted(send));
  if (wanted.length === 0) return;
  // The second use of an id is decided by what became of the first, so it waits for the next transaction.
  const [first, later] = splitAtRepeat(wanted);
  try {
    const pipeline = await run.line.connect();
    await writeUnknown(run, pipeline, first);
  } catch (error) {
    await recover(run, first, { error, way: commitSlowly });
  }
  await commitSlowly(run, later);
}

async function writeUnknown(run: Run, pipeline: Pipeline, batch: Batch): Promise<void> {
  run.events.tookSlowWay();
  try {
    const opened = Promise.all([
      pipeline.send(BEGIN),
      pipeline.send(lockRooms(layOut(batch).rooms)),
      pipeline.send<KnownRow>(findIds(batch.map(({ send }) => idOf(send)))),
    ]);
    const [, , known] = await opened;
    answerKnown(batch, known.rows);
    const unknown = batch.filter(({ send }) => isWanted(send));
    if (unknown.length === 0) {
      await pipeline.send(ROLLBACK);
      return;
    }
    const { rooms, messages } = layOut(unknown);
    const written = await pipeline.send<WrittenRow>(writeMessages(rooms, messages));
    const { command } = await pipeline.send(COMMIT);
    assertCommitted(command);
    settle(run, unknown, written.rows[0]);
  } catch (error) {
    // Refused on a lost connection, where there is nothing to undo.
    await pipeline.send(ROLLBACK).catch(() => undefined);
    throw error;
  }
}

/** What is in the table is committed: its sender may be told at once, whatever becomes of this transaction. */
function answerKnown(batch: Batch, known: readonly KnownRow[]): void {
  const rows = new Map(known.map((row) => [row.place, row]));
  batch.forEach(({ send }, place) => {
    const row = rows.get(place);
    if (row !== undefined && isWanted(send)) answerRepeated(send, row);
  });
}

/**
 * Answers a send whose id is in the table: with the place it got then, or as a conflict when the content differs, which
 * names the place too. A device whose store was put back from a copy has encrypted anew what it had sent.
 */
export function answerRepeated(send: Send, known: Omit<KnownRow, 'place'>): void {
  const { conversation, seq, sha256 } = known;
  const sentAt = known.sent_at.toISOString();
  if (sha256.equals(send.digest)) store(send, { seq, sentAt });
  else refuse(send, new ApiError('message.id-conflict', { stored: { conversation, seq, sentAt } }));
}

/** Answers every send that has its place; the others' audience was out of date. */
function settle(run: Run, batch: Batch, written: WrittenRow | undefined): void {
  if (written === undefined) {
    run.outdated.push(...batch);
    return;
  }
  const { places, seqs, outbox, event_id: eventId, list_changes: listChanges } = written;
  const seqsByPlace = new Map(places.map((place, at) => [place, seqs[at]]));
  const sentAt = written.sent_at.toISOString();
  const groups = new Map<Room, StoredMessage[]>();
  batch.forEach((checked, place) => {
    const seq = seqsByPlace.get(place);
    if (seq === undefined) {
      run.outdated.push(checked);
      return;
    }
    const { send, audience } = checked;
    audience.listChanges = listChanges;
    const group = groups.get(audience.room);
    const message = storedMessage(checked, seq, sentAt);
    if (group === undefined) groups.set(audience.room, [message]);
    else group.push(message);
    store(send, { seq, sentAt });
  });
  run.events.committed(places.length);
  run.onCommit({
    outbox,
    eventId,
    groups: [...groups].map(([room, messages]) => ({ room, messages })),
  });
  const now = performance.now();
  batch.forEach(({ send }, place) => {
    if (seqsByPlace.has(place)) run.events.delivered(now - send.arrivedAt);
  });
}

function storedMessage({ send, audience }: Checked, seq: number, sentAt: string): StoredMessage {
  const { message, sender, origin, expiresAt } = send;
  const { conversation, id, kind } = message;
  const packed = withoutBlockers(send.packed, audience, sender.user);
  const isUrgent = message.urgent;
  return { conversation, seq, id, kind, sender, sentAt, packed, expiresAt, isUrgent, origin };
}

async function recover(
  run: Run,
  batch: Batch,
  { error, way }: { error: unknown; way: Way },
): Promise<void> {
  const failure = failureOf(error);
  run.events.commitFailed(failure, error);
  switch (failure) {
    case 'repeated':
      if (way === commitQuickly) return commitSlowly(run, batch);
      // Another node has committed one of the ids since they were looked up: no other send is to tire of that.
      return halve(run, batch, { failure: 'contended', way });
    case 'lost':
      return sendAgain(run, batch);
    case 'unpartitioned':
      giveUpTired(batch);
      // When that fails, so does the way.
      await run.makePartitions().catch((cause) => run.events.commitFailed(failure, cause));
      return way(run, batch);
    case 'contended':
    case 'bad':
      return halve(run, batch, { failure, way });
    default:
      return failure satisfies never;
  }
}

/** The outcome is unknown, or nothing was sent at all: the same ids again, for as long as senders may wait. */
async function sendAgain(run: Run, batch: Batch): Promise<void> {
  run.lostAt ??= performance.now();
  if (performance.now() - run.lostAt > COMMIT_RECONNECT_MS) {
    refuseAll(batch, () => new ApiError('service.unavailable', { retryAfter: 1 }));
    return;
  }
  await sleep(COMMIT_RECONNECT_PAUSE_MS);
  await commitSlowly(run, batch);
}

async function halve(
  run: Run,
  batch: Batch,
  { failure, way }: { failure: 'contended' | 'bad'; way: Way },
): Promise<void> {
  if (batch.length > 1) {
    const middle = Math.ceil(batch.length / 2);
    await way(run, batch.slice(0, middle));
    await way(run, batch.slice(middle));
  } else if (failure === 'contended') {
    giveUpTired(batch);
    await way(run, batch);
  } else {
    refuseAll(batch, () => new ApiError('internal'));
  }
}

function giveUpTired(batch: Batch): void {
  for (const { send } of batch) send.attempts += 1;
  const tired = batch.filter(({ send }) => send.attempts >= COMMIT_ATTEMPTS_MAX);
  refuseAll(tired, () => new ApiError('message.busy', { retryAfter: BUSY_RETRY_SECONDS }));
}

/** Refuses what still waits for its answer. */
export function refuseAll(batch: Batch, error: () => ApiError): void {
  for (const { send } of batch) if (isWanted(send)) refuse(send, error());
}

/** The sends before the first whose id another one has used in this batch, and those from it on. */
function splitAtRepeat(batch: Batch): [Batch, Batch] {
  const seen = new Set<string>();
  const repeat = batch.findIndex(({ send }) => {
    const key = `${send.sender.device} ${send.message.id}`;
    return seen.size === seen.add(key).size;
  });
  return repeat === -1 ? [batch, []] : [batch.slice(0, repeat), batch.slice(repeat)];
}

function layOut(batch: Batch): { rooms: CommitRoom[]; messages: CommitMessage[] } {
  const places = new Map<Audience, number>();
  const rooms: CommitRoom[] = [];
  const messages = batch.map(({ send, audience }): CommitMessage => {
    let room = places.get(audience);
    if (room === undefined) {
      room = rooms.length;
      places.set(audience, room);
      const { conversation, version } = audience.room;
      const { versionSum, listChanges } = audience;
      rooms.push({ conversation, version, versionSum, listChanges });
    }
    const { sender, digest, message, expiresAt } = send;
    const packed = withoutBlockers(send.packed, audience, sender.user);
    return { room, id: message.id, kind: message.kind, sender, digest, packed, expiresAt };
  });
  return { rooms, messages };
}

function idOf({ message, sender }: Send) {
  return { id: message.id, sender };
}

function assertCommitted(command: string): void {
  if (command !== 'COMMIT') throw new Error(`a transaction ended with ${command}`);
}
