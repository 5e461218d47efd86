/**
 * Asking a device for messages that could not be read (ADR 14): which of them it is time for, whom to ask, and whether
 * in a new session. Seldom enough that forged messages cannot keep anybody busy.
 */
import type { Address } from '@sotto/api';
import { getPeer } from '../account/records.ts';
import {
  AGAIN_IDS_MAX,
  FRESH_SESSION_BUDGET,
  REPAIR_LOOK_MS,
  RESEND_BUDGET,
  RESEND_PAUSE_MS,
  RESEND_WAITS_MS,
} from '../limits.ts';
import { enqueueControl } from '../messages/control-outbox.ts';
import { ConversationRecord } from '../messages/conversation-record.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import type { SessionsDeps } from '../trust/sessions.ts';
import {
  listWanted,
  missedAt,
  putWanted,
  Repair,
  type Sender,
  type WantedAgain,
} from './missed-message.ts';
import { spend } from './repair-budget.ts';

export interface Requested {
  /** Something waits in the conversation's outbox now. */
  readonly isAsked: boolean;
  /** When to look at this device again; undefined when there is nothing left to ask it for. */
  readonly dueAt?: number;
}

/** Asks a device for what it is time for. The caller wakes the conversation after the commit. */
export async function requestAgain(
  deps: SessionsDeps,
  transaction: StoreTransaction,
  sender: Sender,
): Promise<Requested> {
  const { conversation } = sender;
  const now = deps.clock();
  const key = keys.repair(conversation, sender);
  const repair = await getRecord(transaction, key, Repair);
  if (repair === undefined) return { isAsked: false };
  if (!isReached(repair.dueAt, now)) return { isAsked: false, dueAt: repair.dueAt };
  const audience = await findAudience(deps, transaction, sender);
  // Looked at again when an identity was accepted, with the next connection, or after a while.
  if (audience === 'later') return { isAsked: false, dueAt: now + REPAIR_LOOK_MS };
  const wishes = audience === 'nobody' ? [] : await listUnreadable(transaction, sender);
  const due = wishes.filter(({ wanted }) => isReached(wanted.askAt, now)).slice(0, AGAIN_IDS_MAX);
  const isAsked = due.length > 0 && (await mayAsk(transaction, sender, now));
  if (isAsked && audience !== 'nobody') {
    const { isMended = false } = repair;
    await enqueueRequest(deps, transaction, { sender, audience, due, isMended });
  }
  const left = isAsked ? await listUnreadable(transaction, sender) : wishes;
  if (left.length === 0) {
    await transaction.delete(key);
    return { isAsked };
  }
  const next = Math.min(...left.map(({ wanted }) => wanted.askAt));
  const pauseMs = due.length > 0 && !isAsked ? RESEND_BUDGET.everyMs : RESEND_PAUSE_MS;
  const dueAt = Math.max(next, now + pauseMs);
  const askedAt = isAsked ? now : repair.askedAt;
  const { isHurried: _, ...kept } = repair;
  await putRecord(transaction, key, [Repair, { ...kept, askedAt, dueAt }]);
  return { isAsked, dueAt };
}

/** A time further ahead than any wait was written down by a clock that has been set back. */
function isReached(at: number, now: number): boolean {
  return at <= now || at - now > Math.max(...RESEND_WAITS_MS) + REPAIR_LOOK_MS;
}

async function mayAsk(
  transaction: StoreTransaction,
  sender: Sender,
  now: number,
): Promise<boolean> {
  const key = keys.resendBudget(sender.conversation, sender.user);
  return (await spend(transaction, key, { budget: RESEND_BUDGET, now })) > 0;
}

interface Wish {
  readonly seq: number;
  readonly wanted: WantedAgain;
}

/** What is still to be asked for. What has become readable meanwhile is no wish any more. */
async function listUnreadable(transaction: StoreTransaction, sender: Sender): Promise<Wish[]> {
  const { conversation } = sender;
  const left: Wish[] = [];
  for (const wish of await listWanted(transaction, sender)) {
    const { seq } = wish;
    const missed = await missedAt(transaction, { conversation, seq });
    if (missed?.id === wish.wanted.id) left.push(wish);
    else await transaction.delete(keys.wantedAgain(conversation, sender, seq));
  }
  return left;
}

interface Audience {
  /** The device itself, if it is there. */
  readonly first: readonly Address[];
  /** All of its account: they have the message too. */
  readonly all: readonly Address[];
}

/** Whom to ask: nobody outside the conversation, who is blocked, or whose identity was not accepted. Nothing leaves a broken group. */
async function findAudience(
  { local }: SessionsDeps,
  transaction: StoreTransaction,
  { conversation, user, device }: Sender,
): Promise<Audience | 'nobody' | 'later'> {
  const record = await getRecord(transaction, keys.conversation(conversation), ConversationRecord);
  const members: readonly string[] = record?.members ?? [];
  if (record?.kind === 'group' && record.broken !== undefined) return 'later';
  if (record === undefined || !members.includes(local.address.user)) return 'nobody';
  // The entry by which a sender became a member may be missing.
  if (!members.includes(user)) return record.kind === 'group' ? 'later' : 'nobody';
  const peer = await getPeer(transaction, user);
  if ((await transaction.get(keys.block(user))) !== undefined) return 'later';
  if (peer?.changedTo !== undefined && user !== local.address.user) return 'later';
  const known = peer?.devices.filter((other) => other !== local.address.device) ?? [];
  // Before anybody was met, the platform says which devices there are.
  const all = (known.length > 0 ? known : [device]).map((each) => ({ user, device: each }));
  const first = all.filter((address) => address.device === device);
  return { first: first.length > 0 ? first : all, all };
}

interface Request {
  readonly sender: Sender;
  readonly audience: Audience;
  readonly due: readonly Wish[];
  readonly isMended: boolean;
}

async function enqueueRequest(
  deps: SessionsDeps,
  transaction: StoreTransaction,
  { sender, audience, due, isMended }: Request,
): Promise<void> {
  const { conversation, device } = sender;
  const now = deps.clock();
  const isRepeated = due.some(({ wanted }) => wanted.asks > 0);
  const ofGroup = due.filter(({ wanted }) => wanted.kind === 'group').length;
  const isBroken = !isMended && (ofGroup < due.length || isRepeated);
  const budget = { budget: FRESH_SESSION_BUDGET, now };
  const isFresh =
    isBroken && (await spend(transaction, keys.sessionBudget(sender.user), budget)) > 0;
  const ids = due.map(({ wanted }) => wanted.id);
  await enqueueControl(deps, transaction, {
    conversation,
    control: { type: 'resend', of: device, ids, ...(ofGroup > 0 && { needsChain: true }) },
    to: isRepeated ? audience.all : audience.first,
    isFresh,
  });
  for (const wish of due) await noteAsked(transaction, sender, { wish, now });
}

/** Sets when it is asked for next. After the last time it only waits: an answer may still come. */
async function noteAsked(
  transaction: StoreTransaction,
  sender: Sender,
  { wish: { seq, wanted }, now }: { wish: Wish; now: number },
): Promise<void> {
  const asks = wanted.asks + 1;
  // What was said to this device alone is answered by its effect and not by its id.
  const waits = wanted.kind === 'targeted' ? RESEND_WAITS_MS.slice(0, 1) : RESEND_WAITS_MS;
  const waitMs = waits[asks - 1];
  if (waitMs === undefined) {
    await transaction.delete(keys.wantedAgain(sender.conversation, sender, seq));
    return;
  }
  await putWanted(transaction, sender, { seq, wanted: { ...wanted, asks, askAt: now + waitMs } });
}
