/**
 * How much one user may send: so much a minute in one conversation, and a burst, and so much a minute in all of them.
 *
 * A budget is one for all nodes, in Redis. To ask there for each message would cost as much as to store it, so points
 * are taken a few at a time: a tenth of a minute's, and one by one when it has fewer than twenty. What is in hand when its
 * window ends is lost, so nobody ever sends more than the budget says.
 *
 * Sends go on to the committer in the order in which they came, whatever the counters take: what a sender sends in one
 * conversation is stored in its order.
 */
import { ApiError, type ConversationId, type UserId } from '@sotto/api';
import { type Limiter, type Limiters, type LimitsSection, toApiError } from '@sotto/runtime';
import type { Committer } from './committer.ts';
import { BUSY_RETRY_SECONDS, SEND_BURST_MS, SEND_LINES_MAX } from './limits.ts';
import { isWanted, refuse, type Send } from './send.ts';

type Submitting = Pick<Committer, 'submit'>;

const MINUTE_MS = 60_000;

/** What only hands keys to devices, as at the start of a group, does not use up what people may say. */
const BUDGETS = ['content', 'targeted'] as const;
type Budget = (typeof BUDGETS)[number];

/** Points in hand. */
interface Purse {
  points: number;
  /** When they are lost, as `performance.now()`. */
  until: number;
}

/** One user, in whatever conversations. */
interface Sender {
  readonly user: UserId;
  readonly purse: Purse;
  /** Those that are kept. */
  readonly lines: Map<ConversationId, Line>;
  /** The question that is under way for all of them; it resolves with the reason of a no. */
  asking: Promise<unknown> | undefined;
}

/** What one user sends in one conversation: whatever it is taken from, nothing overtakes what was sent before. */
interface Line extends Readonly<Record<Budget, Purse>> {
  readonly conversation: ConversationId;
  readonly sender: Sender;
  /** Sends that wait for points, or for others that do. */
  readonly waiting: Send[];
}

export type SendLimits = Pick<LimitsSection, 'sendPerMinute' | 'sendBurst' | 'sendPerMinuteAll'>;

/** A committer that takes no more than that. Open when the counters are gone: nobody is to be kept from writing by them. */
export function limitSends(
  committer: Submitting,
  limiters: Limiters,
  limits: SendLimits,
): Submitting {
  const lines = new Lines();
  const counter = {
    ...{ committer, lines, ...openLimiters(limiters, limits) },
    share: shareOf(limits.sendPerMinute),
    shareEverywhere: shareOf(limits.sendPerMinuteAll),
  };
  return {
    submit(send) {
      const line = lines.of(send);
      if (line === undefined) refuse(send, busy());
      else if (line.waiting.length === 0 && spend(line, budgetOf(send))) pass(send, committer);
      else if (line.waiting.push(send) === 1) {
        lines.hold(line);
        void serve(line, counter);
      }
    },
  };
}

/** The same budgets, for what costs as much as a message and is none. */
export function openSendBudgets(limiters: Limiters, limits: SendLimits): SendBudgets {
  const { limiter, everywhere } = openLimiters(limiters, limits);
  return {
    async take(user, conversation) {
      await everywhere.take(user);
      await limiter.take(budgetKey(user, conversation, 'content'));
    },
  };
}

export interface SendBudgets {
  /** Takes what one message of a user in a conversation costs. Throws `rate.limited`. */
  take(user: UserId, conversation: ConversationId): Promise<void>;
}

function openLimiters(
  limiters: Limiters,
  { sendPerMinute, sendBurst, sendPerMinuteAll }: SendLimits,
): Pick<Counter, 'limiter' | 'everywhere'> {
  const extra = sendBurst - sendPerMinute;
  const limiter = limiters.limiter('send', {
    points: sendPerMinute,
    windowMs: MINUTE_MS,
    ...(extra > 0 && { burst: { points: extra, windowMs: SEND_BURST_MS } }),
    whenGone: 'open',
  });
  const everywhere = limiters.limiter('send-all', {
    ...{ points: sendPerMinuteAll, windowMs: MINUTE_MS, whenGone: 'open' },
  });
  return { limiter, everywhere };
}

function budgetKey(user: UserId, conversation: ConversationId, name: Budget): string {
  return `${user} ${conversation} ${name}`;
}

function shareOf(perMinute: number): number {
  return Math.max(1, Math.floor(perMinute / 10));
}

function busy(): ApiError {
  return new ApiError('message.busy', { retryAfter: BUSY_RETRY_SECONDS });
}

/** The lines that are kept, and their senders. */
class Lines {
  readonly #senders = new Map<UserId, Sender>();
  /** Those in which nobody waits, the one that has rested longest first. */
  readonly #resting = new Set<Line>();
  #count = 0;

  /**
   * Of too many the oldest in which nobody waits goes, for what is sent there next would overtake; what it has in hand is
   * lost. Undefined when there is no such line.
   */
  of({ sender: { user }, message }: Send): Line | undefined {
    const { conversation } = message;
    const known = this.#senders.get(user)?.lines.get(conversation);
    if (known !== undefined) return known;
    if (this.#count >= SEND_LINES_MAX) {
      const [oldest] = this.#resting;
      if (oldest === undefined) return undefined;
      this.#remove(oldest);
    }
    const sender = this.#senderOf(user);
    const purses = { content: emptyPurse(), targeted: emptyPurse() };
    const line: Line = { conversation, sender, waiting: [], ...purses };
    sender.lines.set(conversation, line);
    this.#count += 1;
    this.#resting.add(line);
    return line;
  }

  /** Somebody waits in it. */
  hold(line: Line): void {
    this.#resting.delete(line);
  }

  /** Nobody waits in it any more. */
  release(line: Line): void {
    this.#resting.add(line);
  }

  #senderOf(user: UserId): Sender {
    let sender = this.#senders.get(user);
    if (sender === undefined) {
      sender = { user, purse: emptyPurse(), lines: new Map(), asking: undefined };
      this.#senders.set(user, sender);
    }
    return sender;
  }

  #remove(line: Line): void {
    this.#resting.delete(line);
    this.#count -= 1;
    line.sender.lines.delete(line.conversation);
    if (line.sender.lines.size === 0) this.#senders.delete(line.sender.user);
  }
}

function emptyPurse(): Purse {
  return { points: 0, until: 0 };
}

function budgetOf({ message }: Send): Budget {
  return message.kind === 'targeted' ? 'targeted' : 'content';
}

/** Points that are in hand and not lost. */
function pointsIn(purse: Purse): number {
  return purse.until <= performance.now() ? 0 : purse.points;
}

/** Takes a point from both purses that a send costs; false, and takes none, when one of them is empty. */
function spend(line: Line, budget: Budget): boolean {
  const purse = line[budget];
  const all = line.sender.purse;
  if (pointsIn(purse) === 0 || pointsIn(all) === 0) return false;
  purse.points -= 1;
  all.points -= 1;
  return true;
}

interface Counter {
  committer: Submitting;
  lines: Lines;
  /** Of one conversation. */
  limiter: Limiter;
  /** Points that are asked for at a time. */
  share: number;
  /** Of all of a sender's. */
  everywhere: Limiter;
  shareEverywhere: number;
}

/** Asks for points until nobody waits. Never rejects: whoever sent it hears of everything. */
async function serve(line: Line, counter: Counter): Promise<void> {
  const { waiting } = line;
  // What came in this turn is asked for together.
  await Promise.resolve();
  while (waiting.length > 0) {
    const [everywhere, content, targeted] = await Promise.all([
      fillSender(line.sender, counter),
      ...BUDGETS.map((name) => fill(line, name, counter)),
    ]);
    const refusals = { content: content ?? [], targeted: targeted ?? [] };
    for (let send = waiting[0]; send !== undefined; send = waiting[0]) {
      const budget = budgetOf(send);
      // Whoever was barred meanwhile needs no points and hears why.
      if (!isWanted(send)) waiting.shift();
      else if (spend(line, budget)) pass(waiting.shift() ?? send, counter.committer);
      else if (pointsIn(line[budget]) === 0 && refusals[budget].length > 0)
        refuse(waiting.shift() ?? send, toApiError(refusals[budget].shift()));
      else if (pointsIn(line.sender.purse) === 0 && everywhere.length > 0)
        refuse(waiting.shift() ?? send, toApiError(everywhere[0]));
      else break;
    }
  }
  counter.lines.release(line);
}

/** Takes points for a sender who has none; lines that want some at the same time ask together. Resolves like {@link fill}. */
async function fillSender(
  sender: Sender,
  { everywhere, shareEverywhere: share }: Counter,
): Promise<unknown[]> {
  if (pointsIn(sender.purse) > 0) return [];
  sender.asking ??= everywhere
    .take(sender.user, share)
    .then(({ resetMs }) => put(sender.purse, share, resetMs))
    .catch((reason: unknown) => reason)
    .finally(() => {
      sender.asking = undefined;
    });
  const reason = await sender.asking;
  return reason === undefined ? [] : [reason];
}

/** Takes points for all that wait for a budget. Resolves with the reasons of those questions that were answered with no. */
async function fill(line: Line, name: Budget, { limiter, share }: Counter): Promise<unknown[]> {
  const purse = line[name];
  const wanted = line.waiting.filter((send) => budgetOf(send) === name).length - pointsIn(purse);
  const key = budgetKey(line.sender.user, line.conversation, name);
  const questions = Array.from({ length: Math.max(0, Math.ceil(wanted / share)) }, () => {
    return limiter.take(key, share);
  });
  const refusals: unknown[] = [];
  for (const outcome of await Promise.allSettled(questions)) {
    if (outcome.status === 'rejected') refusals.push(outcome.reason);
    else put(purse, share, outcome.value.resetMs);
  }
  return refusals;
}

function put(purse: Purse, points: number, resetMs: number): void {
  const now = performance.now();
  if (purse.until <= now) purse.points = 0;
  purse.points += points;
  purse.until = now + Math.max(1, resetMs);
}

function pass(send: Send, committer: Submitting): void {
  try {
    committer.submit(send);
  } catch (error) {
    refuse(send, toApiError(error));
  }
}
