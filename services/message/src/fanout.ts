/**
 * Brings what was committed to the other nodes (DESIGN 2.4): one publication per batch at once, and a sweeper for those
 * that stayed behind. The outbox row goes when the bus has the batch, so each is published at least once.
 */
import { randomUUID } from 'node:crypto';
import { FANOUT_SUBJECT } from '@sotto/api/internal';
import type { Bus, Database } from '@sotto/runtime';
import type { Commit } from './batch-commit.ts';
import type { Events } from './events.ts';
import { encodeBatch, type FanoutReference } from './fanout-batch.ts';
import {
  FANOUT_BYTES_MAX,
  OUTBOX_DELETE_MS,
  OUTBOX_SWEEP_MS,
  OUTBOX_TURN_MS,
  PUBLISHES_IN_FLIGHT_MAX,
} from './limits.ts';
import { collapseRows, deletePublished, type OutboxRow, sweepRows } from './outbox-store.ts';
import type { Tables } from './schema.ts';

export interface FanoutDeps {
  database: Pick<Database<Tables>, 'query'>;
  bus: Bus;
  /** This node's name, by which it knows its own batches. */
  node: string;
  events: Events;
}

/** A sweeper from the start. Close it. */
export class Fanout {
  readonly #deps: FanoutDeps;
  readonly #publishing = new Set<Promise<void>>();
  #published: number[] = [];
  /** After a failure only the sweeper tries, so that batches do not wait in memory for a dead bus. */
  #isDown = false;
  #sweeping: Promise<void> | undefined;
  readonly #deleter: NodeJS.Timeout;
  readonly #sweeper: NodeJS.Timeout;

  constructor(deps: FanoutDeps) {
    this.#deps = deps;
    this.#deleter = setInterval(() => void this.#deletePublished(), OUTBOX_DELETE_MS);
    this.#sweeper = setInterval(() => {
      this.#sweeping ??= this.#sweep().finally(() => {
        this.#sweeping = undefined;
      });
    }, OUTBOX_SWEEP_MS);
  }

  /** Publishes a commit, or leaves it to the sweeper when the bus does not keep up. Never throws. */
  publish(commit: Commit): void {
    if (this.#isDown || this.#publishing.size >= PUBLISHES_IN_FLIGHT_MAX) return;
    const publication = this.#publish(commit).finally(() => this.#publishing.delete(publication));
    this.#publishing.add(publication);
  }

  /** Lets publications under way end and deletes their rows; what stays is swept by another node or the next start. */
  async close(): Promise<void> {
    clearInterval(this.#deleter);
    clearInterval(this.#sweeper);
    await Promise.all([...this.#publishing, this.#sweeping]);
    await this.#deletePublished();
  }

  async #publish(commit: Commit): Promise<void> {
    const { bus, node } = this.#deps;
    try {
      await bus.publish(FANOUT_SUBJECT, encodeCommit(commit, node), commit.eventId);
      this.#published.push(commit.outbox);
    } catch (error) {
      this.#failed(error);
    }
  }

  async #deletePublished(): Promise<void> {
    const ids = this.#published;
    if (ids.length === 0) return;
    this.#published = [];
    try {
      await deletePublished(this.#deps.database, ids);
    } catch (error) {
      // The sweeper publishes them again, which the bus takes for the same, and deletes them.
      this.#deps.events.outboxFailed(error);
    }
  }

  async #sweep(): Promise<void> {
    const { database, bus, events } = this.#deps;
    const mark = encodeBatch({ type: 'catch-up', node: NOBODY });
    try {
      await collapseRows(database, () => bus.publish(FANOUT_SUBJECT, mark, randomUUID()));
      while ((await sweepRows(database, (rows) => this.#publishRows(rows))) > 0);
      if (this.#isDown) this.#isDown = !(await answers(bus));
    } catch (error) {
      events.outboxFailed(error);
    }
  }

  /** Publishes rows until one fails or time is up; resolves with those that the bus has. Never rejects. */
  async #publishRows(rows: readonly OutboxRow[]): Promise<number[]> {
    const done: number[] = [];
    const deadline = performance.now() + OUTBOX_TURN_MS;
    const waiting = rows.values();
    let failed = false;
    const work = async () => {
      for (const row of waiting) {
        if (failed || performance.now() > deadline) return;
        const batch = { type: 'references', node: NOBODY, references: referencesOf(row) } as const;
        try {
          await this.#deps.bus.publish(FANOUT_SUBJECT, encodeBatch(batch), row.event_id);
          done.push(row.id);
        } catch (error) {
          failed = true;
          this.#failed(error);
        }
      }
    };
    await Promise.all(Array.from({ length: PUBLISHES_IN_FLIGHT_MAX }, work));
    return done;
  }

  #failed(error: unknown): void {
    if (!this.#isDown) this.#deps.events.publishFailed(error);
    this.#isDown = true;
  }
}

/** What was left behind may have been committed by a node that is no more, so every node takes it. */
const NOBODY = '';

/** A commit as bytes: with its messages when the bus takes that much, else as references. */
function encodeCommit({ groups }: Commit, node: string): Buffer {
  const bytes = groups.reduce((sum, { messages }) => {
    return messages.reduce((size, { packed }) => size + packed.length + HEAD_BYTES_MAX, sum);
  }, 0);
  if (bytes <= FANOUT_BYTES_MAX) {
    const batch = groups.map(({ room, messages }) => {
      return { conversation: room.conversation, version: room.version, messages };
    });
    return encodeBatch({ type: 'messages', node, groups: batch });
  }
  const references = groups.map(({ room, messages }): FanoutReference => {
    const [first] = messages;
    return {
      conversation: room.conversation,
      first: first?.seq ?? 1,
      last: messages.at(-1)?.seq ?? 0,
    };
  });
  return encodeBatch({ type: 'references', node, references });
}

/** What the head of a batch says of one message, and its share of the rest, at most. */
const HEAD_BYTES_MAX = 320;

function referencesOf({ conversations, firsts, lasts }: OutboxRow): FanoutReference[] {
  return conversations.map((conversation, index) => {
    return { conversation, first: firsts[index] ?? 1, last: lasts[index] ?? 0 };
  });
}

async function answers(bus: Bus): Promise<boolean> {
  return bus.ping().then(
    () => true,
    () => false,
  );
}
