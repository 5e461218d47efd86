/**
 * What a device makes of the platform's greeting: whether the platform was restored, and lacks what this device has sent,
 * or the store was, and lacks what this device has done (DESIGN 2.9, and 3, stale stores).
 */
import type { ConversationId, ServerFrame } from '@sotto/api';
import * as z from 'zod/mini';
import { catchUpPrekeys } from '../account/stale-store.ts';
import { ClientError } from '../errors.ts';
import { LEFT_BEHIND_MS, SENT_EXCESS_MAX } from '../limits.ts';
import { joinsLate, readCursor, skipOwn } from '../messages/conversations.ts';
import { skipSendNumbers } from '../messages/send-counter.ts';
import {
  countSent,
  countUnanswered,
  forgetSent,
  sendAgain,
  setSentCount,
} from '../messages/sent-log.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import { noteNotice } from '../trust/notices.ts';
import type { PeerDeps } from '../trust/peers.ts';

const Incarnation = z.object({ incarnation: z.int() });
const LeftBehind = z.object({ at: z.number() });

type Hello = Extract<ServerFrame, { type: 'hello' }>;
type Cursors = NonNullable<Hello['cursors']>;

/** Conversations in which the platform was further than the store, and how far: to be read up to there. */
export type Behind = { conversation: ConversationId; last: number }[];

/**
 * To be called before anything is sent over a connection. Safe to repeat. Throws `answer.invalid` for numbers that no
 * platform comes to and for what greets another device, and what calls and the store throw.
 */
export async function takeHello(deps: PeerDeps, hello: Hello): Promise<Behind> {
  const { store, local, clock } = deps;
  const { incarnation, sent, cursors = [] } = hello;
  requireOurs(local, hello);
  const known = await store.transaction(async (transaction) => ({
    incarnation: (await getRecord(transaction, keys.incarnation, Incarnation))?.incarnation,
    sent: await countSent(transaction, local),
  }));
  requireCredible(sent, known.sent);
  await forgetSent(store, local, clock());
  const isRestored = known.incarnation !== undefined && known.incarnation !== incarnation;
  if (isRestored) await sendAgain(store, local, sent ?? 0);
  const isCounted = known.sent !== undefined && !isRestored;
  const excess = sent === undefined || !isCounted ? 0 : sent - (known.sent ?? 0);
  if (excess > 0 && (await store.transaction(countUnanswered)) < excess) {
    // However often it comes: what another copy has sent must not be encrypted with again.
    await leaveBehind(deps, sent);
  }
  await store.transaction(async (transaction) => {
    await putRecord(transaction, keys.incarnation, [Incarnation, { incarnation }]);
    const isAnew = known.sent === undefined || isRestored;
    if (isAnew) await setSentCount(transaction, local, sent ?? known.sent ?? 0);
  });
  return takeCursors(deps, cursors);
}

/** Another device's numbers would make this one leave its sessions behind. */
function requireOurs({ address }: PeerDeps['local'], { user, device }: Hello): void {
  if (user === address.user && device === address.device) return;
  throw new ClientError('answer.invalid', 'the platform has greeted another device');
}

/** What is taken over into the store is never let go of again. */
function requireCredible(sent = 0, known = 0): void {
  if (sent >= 0 && sent - known <= SENT_EXCESS_MAX) return;
  throw new ClientError('answer.invalid', 'no device has sent what the platform has counted');
}

/** The same for a part of the device's cursors. A conversation that was passed over tells nothing until it is read. */
export async function takeCursors(deps: PeerDeps, cursors: Cursors): Promise<Behind> {
  const { behind, isStale } = await deps.store.transaction(async (transaction) => {
    const found: Behind = [];
    let isLost = false;
    for (const { conversation, seq } of cursors) {
      const passed = keys.passedOver(conversation);
      const isPassed = (await transaction.get(passed)) !== undefined;
      const own = await ownCursor(transaction, { conversation, isPassed });
      if (own === undefined) continue;
      const missing = seq - own;
      if (missing > 0) {
        found.push({ conversation, last: seq });
        // The platform takes our own messages for acknowledged before we have heard that they are stored.
        isLost ||= !isPassed && missing > (await countUnanswered(transaction, conversation));
      } else if (isPassed) await transaction.delete(passed);
    }
    return { behind: found, isStale: isLost };
  });
  if (isStale && !(await hasLeftToday(deps))) await leaveBehind(deps);
  return behind;
}

/**
 * How far the store has a conversation; undefined when what the platform says of it is no sign: a device that was linked
 * begins behind what there was, and what came without a sound log was acknowledged and not kept.
 */
async function ownCursor(
  transaction: StoreTransaction,
  { conversation, isPassed }: { conversation: ConversationId; isPassed: boolean },
): Promise<number | undefined> {
  const isKnown = (await transaction.get(keys.cursor(conversation))) !== undefined;
  if (!isKnown && (isPassed || (await joinsLate(transaction)))) return undefined;
  return skipOwn(transaction, conversation, await readCursor(transaction, conversation));
}

/** What was only received elsewhere is no danger to what is sent: new sessions for that are made once a day at most. */
async function hasLeftToday({ store, clock }: PeerDeps): Promise<boolean> {
  const left = await store.transaction((transaction) =>
    getRecord(transaction, keys.leftBehind, LeftBehind),
  );
  return left !== undefined && Math.abs(clock() - left.at) < LEFT_BEHIND_MS;
}

/**
 * Leaves all behind that has been used by whoever went on from a copy of this store: keys, sessions, and the numbers of
 * as many messages as are missing of those that the platform says were `sent`, when it says that there are more.
 */
async function leaveBehind(deps: PeerDeps, sent?: number): Promise<void> {
  await catchUpPrekeys(deps, { isRefused: true });
  const { store, local, clock, events } = deps;
  const messages = await store.transaction(async (transaction) => {
    const missing = sent === undefined ? 0 : sent - ((await countSent(transaction, local)) ?? 0);
    // The greeting of another connection may have come to it meanwhile.
    if (sent !== undefined && missing <= 0) return undefined;
    await putRecord(transaction, keys.leftBehind, [LeftBehind, { at: clock() }]);
    await noteNotice(transaction, { kind: 'store-behind' });
    if (sent === undefined) return 0;
    await skipSendNumbers(transaction, missing);
    await setSentCount(transaction, local, sent);
    return missing;
  });
  if (messages !== undefined) events.emit('store-behind', { messages });
}
