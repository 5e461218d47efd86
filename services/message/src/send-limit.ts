/**
 * How much one user may send in one conversation: so much a minute, and a burst.
 *
 * The budget is one for all nodes, in Redis. To ask there for each message would cost as much as to store it, so points
 * are taken a few at a time: a tenth of a minute's, and one by one when it has fewer than twenty. What is in hand when its
 * window ends is lost, so nobody ever sends more than the budget says.
 *
 * Sends go on to the committer in the order in which they came, whatever the counters take: what a sender sends in one
 * conversation is stored in its order.
 */
import { type Limiter, type Limiters, type LimitsSection, toApiError } from '@sotto/runtime';
import type { Committer } from './committer.ts';
import { SEND_BURST_MS, SEND_LINES_MAX } from './limits.ts';
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

/** What one user sends in one conversation: whatever it is taken from, nothing overtakes what was sent before. */
interface Line extends Readonly<Record<Budget, Purse>> {
  readonly key: string;
  /** Sends that wait for points, or for others that do. */
  readonly waiting: Send[];
}

/** A committer that takes no more than that. Open when the counters are gone: nobody is to be kept from writing by them. */
export function limitSends(
  committer: Submitting,
  limiters: Limiters,
  { sendPerMinute, sendBurst }: Pick<LimitsSection, 'sendPerMinute' | 'sendBurst'>,
): Submitting {
  const extra = sendBurst - sendPerMinute;
  const limiter = limiters.limiter('send', {
    points: sendPerMinute,
    windowMs: MINUTE_MS,
    ...(extra > 0 && { burst: { points: extra, windowMs: SEND_BURST_MS } }),
    whenGone: 'open',
  });
  const share = Math.max(1, Math.floor(sendPerMinute / 10));
  const lines = new Map<string, Line>();
  const counter = { committer, limiter, share };
  return {
    submit(send) {
      const line = lineOf(lines, send);
      if (line.waiting.length === 0 && spend(line[budgetOf(send)])) pass(send, committer);
      else if (line.waiting.push(send) === 1) void serve(line, counter);
    },
  };
}

/** Of too many the oldest in which nobody waits goes, for what is sent there next would overtake; what it has in hand is lost. */
function lineOf(lines: Map<string, Line>, { sender, message }: Send): Line {
  const key = `${sender.user} ${message.conversation}`;
  const known = lines.get(key);
  if (known !== undefined) return known;
  if (lines.size >= SEND_LINES_MAX) {
    const oldest = lines.values().find(({ waiting }) => waiting.length === 0);
    if (oldest !== undefined) lines.delete(oldest.key);
  }
  const empty = () => ({ points: 0, until: 0 });
  const line = { key, waiting: [], content: empty(), targeted: empty() };
  lines.set(key, line);
  return line;
}

function budgetOf({ message }: Send): Budget {
  return message.kind === 'targeted' ? 'targeted' : 'content';
}

function spend(purse: Purse): boolean {
  if (purse.points === 0 || purse.until <= performance.now()) return false;
  purse.points -= 1;
  return true;
}

interface Counter {
  committer: Submitting;
  limiter: Limiter;
  /** Points that are asked for at a time. */
  share: number;
}

/** Asks for points until nobody waits. Never rejects: whoever sent it hears of everything. */
async function serve(line: Line, counter: Counter): Promise<void> {
  const { waiting } = line;
  // What came in this turn is asked for together.
  await Promise.resolve();
  while (waiting.length > 0) {
    const [content, targeted] = await Promise.all(BUDGETS.map((name) => fill(line, name, counter)));
    const refusals = { content, targeted };
    for (let send = waiting[0]; send !== undefined; send = waiting[0]) {
      const budget = budgetOf(send);
      // Whoever was barred meanwhile needs no points and hears why.
      if (!isWanted(send)) waiting.shift();
      else if (spend(line[budget])) pass(waiting.shift() ?? send, counter.committer);
      else if (refusals[budget]?.length)
        refuse(waiting.shift() ?? send, toApiError(refusals[budget].shift()));
      else break;
    }
  }
}

/** Takes points for all that wait for a budget. Resolves with the reasons of those questions that were answered with no. */
async function fill(line: Line, name: Budget, { limiter, share }: Counter): Promise<unknown[]> {
  const wanted = line.waiting.filter((send) => budgetOf(send) === name).length;
  const questions = Array.from({ length: Math.ceil(wanted / share) }, () => {
    return limiter.take(`${line.key} ${name}`, share);
  });
  const refusals: unknown[] = [];
  const purse = line[name];
  for (const outcome of await Promise.allSettled(questions)) {
    if (outcome.status === 'rejected') {
      refusals.push(outcome.reason);
      continue;
    }
    const now = performance.now();
    if (purse.until <= now) purse.points = 0;
    purse.points += share;
    purse.until = now + Math.max(1, outcome.value.resetMs);
  }
  return refusals;
}

function pass(send: Send, committer: Submitting): void {
  try {
    committer.submit(send);
  } catch (error) {
    refuse(send, toApiError(error));
  }
}
