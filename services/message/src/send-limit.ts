/**
 * How much one user may send in one conversation: so much a minute, and a burst.
 *
 * A point is taken on the way to the committer, and sends go on in the order in which they came, whatever the counters
 * take: what a sender sends in one conversation is stored in its order.
 */
import { type Limiter, type Limiters, type LimitsSection, toApiError } from '@sotto/runtime';
import type { Committer } from './committer.ts';
import { SEND_BURST_MS } from './limits.ts';
import { isWanted, refuse, type Send } from './send.ts';

type Submitting = Pick<Committer, 'submit'>;

const MINUTE_MS = 60_000;

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
  /** Of each sender in each conversation, the send that came last and is not on its way yet. */
  const last = new Map<string, Promise<void>>();
  return {
    submit(send) {
      // Asked at once, so that many sends wait for the counters together.
      const taken = limiter.take(budgetOf(send));
      // Whatever it is taken from: a key that is handed out must not overtake what was said before it.
      const line = lineOf(send);
      const turn = pass(send, { committer, taken, before: last.get(line) });
      last.set(line, turn);
      void turn.then(() => {
        if (last.get(line) === turn) last.delete(line);
      });
    },
  };
}

interface Turn {
  committer: Submitting;
  taken: ReturnType<Limiter['take']>;
  before: Promise<void> | undefined;
}

/** Never rejects: whoever sent it hears of everything. */
async function pass(send: Send, { committer, taken, before }: Turn): Promise<void> {
  // Heard at once, though it is looked at later.
  const outcome = taken.then(
    () => undefined,
    (error: unknown) => toApiError(error),
  );
  await before;
  const refusal = await outcome;
  if (!isWanted(send)) return;
  try {
    if (refusal !== undefined) throw refusal;
    committer.submit(send);
  } catch (error) {
    refuse(send, toApiError(error));
  }
}

function lineOf({ sender, message }: Send): string {
  return `${sender.user} ${message.conversation}`;
}

/** What only hands keys to devices, as at the start of a group, does not use up what people may say. */
function budgetOf(send: Send): string {
  const kind = send.message.kind === 'targeted' ? 'targeted' : 'content';
  return `${lineOf(send)} ${kind}`;
}
