/** Does the wake-ups that are due: a few at a time, each again later when its push service does not take it. */
import type { Closable } from '@sotto/runtime';
import type { Events } from './events.ts';
import { PUSH_POLL_MS, PUSH_RETRY_FIRST_MS, PUSH_RETRY_MAX_MS, PUSHES_AT_ONCE } from './limits.ts';
import { isPushEndpoint } from './push-endpoint.ts';
import { ForbiddenAddressError, type PushAnswer, type PushClient } from './push-request.ts';
import {
  deleteSubscription,
  finishWake,
  type PushDatabase,
  postponeWake,
  takeDue,
  type Wake,
} from './push-store.ts';
import type { Vapid } from './vapid.ts';

export interface PushSenderDeps {
  database: PushDatabase;
  client: Pick<PushClient, 'post'>;
  vapid: Vapid;
  /** Where wake-ups may go: a subscription may be older than the list. */
  hosts: readonly string[];
  events: Pick<Events, 'pushed' | 'pushFailed'>;
}

export interface PushSender extends Closable {
  /** Something is due now; without this it is found within seconds. */
  nudge(): void;
}

/** Works until it is closed, which waits for what is under way. Several nodes may: they skip each other's. */
export function startPushSender(deps: PushSenderDeps): PushSender {
  const underWay = new Set<Promise<void>>();
  let closed = false;
  let taking: Promise<void> | undefined;
  let again = false;

  async function take(): Promise<void> {
    do {
      again = false;
      const room = PUSHES_AT_ONCE - underWay.size;
      if (closed || room === 0) return;
      const wakes = await takeDue(deps.database, room);
      for (const wake of wakes) begin(wake);
      if (wakes.length === room) again = true;
    } while (again);
  }

  function begin(wake: Wake): void {
    const work = wakeOne(deps, wake)
      .catch(deps.events.pushFailed)
      .finally(() => {
        const wasFull = underWay.size === PUSHES_AT_ONCE;
        underWay.delete(work);
        if (wasFull) nudge();
      });
    underWay.add(work);
  }

  function nudge(): void {
    again = true;
    if (closed || taking !== undefined) return;
    taking = take()
      .catch(deps.events.pushFailed)
      .finally(() => {
        taking = undefined;
      });
  }

  const timer = setInterval(nudge, PUSH_POLL_MS);
  nudge();
  return {
    nudge,
    async close() {
      closed = true;
      clearInterval(timer);
      await taking;
      await Promise.all(underWay);
    },
  };
}

/** Rejects when the database does: the lease ends, and the wake-up is done again. */
async function wakeOne(deps: PushSenderDeps, wake: Wake): Promise<void> {
  const { database, client, vapid, hosts, events } = deps;
  const { device, endpoint, urgent: isUrgent } = wake;
  let answer: PushAnswer | undefined;
  let isForbidden = !isPushEndpoint(endpoint, hosts);
  if (!isForbidden) {
    try {
      const authorization = vapid.authorize(endpoint);
      answer = await client.post({ endpoint, isUrgent, authorization });
    } catch (error) {
      isForbidden = error instanceof ForbiddenAddressError;
    }
  }
  const outcome = isForbidden ? 'forbidden' : outcomeOf(answer?.status);
  events.pushed(outcome, answer?.status);
  switch (outcome) {
    case 'woken':
      return finishWake(database, wake);
    case 'gone':
      return deleteSubscription(database.query, { device, endpoint });
    case 'failed':
      return postponeWake(database, wake, answer?.retryAfterMs ?? restMs(wake.attempts));
    case 'refused':
    case 'forbidden':
      return postponeWake(database, wake, undefined);
    default:
      return outcome satisfies never;
  }
}

/** RFC 8030 section 5 and 7.3. What is refused once is refused again. */
function outcomeOf(status = 0): 'woken' | 'gone' | 'failed' | 'refused' {
  if (status >= 200 && status < 300) return 'woken';
  if (status === 404 || status === 410) return 'gone';
  if (status === 0 || status === 429 || status >= 500) return 'failed';
  return 'refused';
}

function restMs(attempt: number): number {
  return Math.min(PUSH_RETRY_MAX_MS, PUSH_RETRY_FIRST_MS * 4 ** (attempt - 1));
}
