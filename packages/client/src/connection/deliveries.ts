/**
 * How far members have been given what was said: the platform tells which places their devices have acknowledged. It is
 * the platform's word, told once and to those who are connected; that something was *read* is the member's own.
 */
import { type ConversationId, Seq, type ServerFrame, UserId } from '@sotto/api';
import * as z from 'zod/mini';
import { DELIVERED_PAUSE_MS } from '../limits.ts';
import { ConversationRecord } from '../messages/conversation-record.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import type { PeerDeps } from '../trust/peers.ts';
import { createPace } from './pace.ts';

/** The furthest place that some device of each member has. */
const DeliveredRecord = z.object({
  members: z.array(z.object({ user: UserId, seq: Seq })),
  /** What all others had once. It never falls: who comes in later need not have what came before. */
  all: Seq,
});

/** How far members of a conversation are. */
type Told = Pick<Extract<ServerFrame, { type: 'delivered' }>, 'conversation' | 'members'>;

export interface Deliveries {
  /** Notes what the platform tells. Cheap, and never throws. */
  note(told: Told): void;
  /** Writes what was told last, and ends. */
  close(): Promise<void>;
}

/** Keeps what is told over one connection: written soon, and once a second at most. */
export function openDeliveries(deps: PeerDeps): Deliveries {
  const { events } = deps;
  const told = new Map<ConversationId, Map<UserId, number>>();
  const onError = (error: unknown) => events.emit('trouble', { error });
  const pace = createPace({ pauseMs: DELIVERED_PAUSE_MS, onError });
  // Whoever has read something was given it, and their word comes even when the platform's was missed.
  const unhear = events.on('read', ({ conversation, user, seq }) =>
    note({ conversation, members: [{ user, seq }] }),
  );

  async function write(): Promise<void> {
    const all = [...told].map(([conversation, members]) => ({ conversation, members }));
    told.clear();
    if (all.length === 0) return;
    try {
      const moved = await deps.store.transaction((transaction) => advance(deps, transaction, all));
      for (const conversation of moved) events.emit('lines-changed', { conversation });
    } catch (error) {
      // It is not told again: it is written with what comes next.
      for (const { conversation, members } of all) remember(conversation, members);
      throw error;
    }
  }

  function remember(conversation: ConversationId, members: Iterable<[UserId, number]>): void {
    const known = told.get(conversation) ?? new Map<UserId, number>();
    told.set(conversation, known);
    for (const [user, seq] of members) known.set(user, Math.max(seq, known.get(user) ?? 0));
  }

  function note({ conversation, members }: Told): void {
    remember(
      conversation,
      members.map(({ user, seq }) => [user, seq]),
    );
    pace.need(write);
  }

  return {
    note,
    async close() {
      unhear();
      await pace.close();
      await write().catch(onError);
    },
  };
}

/** The place up to which every other member of a conversation has what was said. */
export async function deliveredToAll(
  transaction: StoreTransaction,
  conversation: ConversationId,
): Promise<number> {
  return (await getRecord(transaction, keys.delivered(conversation), DeliveredRecord))?.all ?? 0;
}

interface Progress {
  readonly conversation: ConversationId;
  readonly members: ReadonlyMap<UserId, number>;
}

/** The conversations in which something is delivered to all others that was not before. */
async function advance(
  deps: Pick<PeerDeps, 'local'>,
  transaction: StoreTransaction,
  told: readonly Progress[],
): Promise<ConversationId[]> {
  const moved: ConversationId[] = [];
  for (const progress of told) {
    if (await advanceOne(deps, transaction, progress)) moved.push(progress.conversation);
  }
  return moved;
}

/** What is said of strangers, and of what is no conversation here, is passed over. */
async function advanceOne(
  { local }: Pick<PeerDeps, 'local'>,
  transaction: StoreTransaction,
  { conversation, members }: Progress,
): Promise<boolean> {
  const room = await getRecord(transaction, keys.conversation(conversation), ConversationRecord);
  const others = room?.members.filter((user) => user !== local.address.user) ?? [];
  if (others.length === 0) return false;
  const key = keys.delivered(conversation);
  const before = (await getRecord(transaction, key, DeliveredRecord)) ?? { members: [], all: 0 };
  const known = new Map(before.members.map(({ user, seq }) => [user, seq]));
  const now = others.map((user) => {
    return { user, seq: Math.max(members.get(user) ?? 0, known.get(user) ?? 0) };
  });
  const all = Math.max(before.all, Math.min(...now.map(({ seq }) => seq)));
  if (all === before.all && now.every(({ user, seq }) => known.get(user) === seq)) return false;
  await putRecord(transaction, key, [DeliveredRecord, { members: now, all }]);
  return all !== before.all;
}
