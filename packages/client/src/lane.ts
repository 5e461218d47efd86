/**
 * The sends of one conversation over one connection (DESIGN 2.2). Several are under way at once, numbered from 1; the
 * platform stores them in that order or refuses. After a refusal it refuses every later one too, so the lane waits
 * until all are answered, mends what was refused, and goes back to it under the same number.
 */
import type { ConversationId, DeviceDifference, Problem, ProblemCode, Stored } from '@sotto/api';
import { ApiError, DeviceId, UserId } from '@sotto/api';
import { backOffMs, pause } from './back-off.ts';
import { createBell } from './bell.ts';
import { needConversation } from './conversations.ts';
import { ClientError } from './errors.ts';
import { IN_FLIGHT_PER_CONVERSATION_MAX } from './limits.ts';
import { sealNext, setAside, settle, unseal } from './outbox.ts';
import { forgetDevices, meetPeers, type PeerDeps, unmet } from './peers.ts';
import type { ConversationRecord, OutboxEntry } from './records.ts';
import type { SendFrame } from './socket.ts';

export interface LaneDeps extends PeerDeps {
  readonly random: () => number;
  readonly send: SendFrame;
}

export interface Lane {
  /** There may be something to send, or what stood in the way may be gone. */
  wake(): void;
  onStored(number: number, stored: Stored): Promise<void>;
  onRefused(number: number, problem: Problem): void;
  /** The connection has ended. Resolves when nothing of the lane runs any more. */
  stop(): Promise<void>;
}

interface Refusal {
  readonly number: number;
  readonly problem: Problem;
  /** The refused entry, and behind it those that were refused because of it. */
  readonly entries: OutboxEntry[];
}

/** Refusals that pass by themselves: the same bytes are sent again after a pause. */
const PASSING: readonly ProblemCode[] = [
  'rate.limited',
  'message.busy',
  'message.after-refused',
  'service.unavailable',
  'request.timeout',
  'internal',
];

/** Starts sending what the outbox of a conversation holds, and what comes to it. */
export function startLane(deps: LaneDeps, id: ConversationId): Lane {
  const stopping = new AbortController();
  const bell = createBell();
  const inFlight = new Map<number, OutboxEntry>();
  let lastNumber = 0;
  let lastCounter = 0;
  let refusal: Refusal | undefined;
  let failures = 0;

  /** One step; resolves true when there is nothing to do until the bell rings. */
  async function step(): Promise<boolean> {
    if (refusal !== undefined) {
      if (inFlight.size > 0) return true;
      await mendAndReturn(refusal);
      return false;
    }
    const limit = IN_FLIGHT_PER_CONVERSATION_MAX - inFlight.size;
    if (limit <= 0) return true;
    const conversation = await needConversation(deps, id);
    const input = { conversation, after: lastCounter, limit };
    const sealing = await deps.store.transaction((transaction) =>
      sealNext(deps, transaction, input),
    );
    if ('wanted' in sealing) {
      await meetPeers(deps, sealing.wanted);
      return false;
    }
    if (stopping.signal.aborted || refusal !== undefined) return false;
    for (const entry of sealing.sealed) dispatch(entry);
    return sealing.sealed.length === 0;
  }

  function dispatch(entry: OutboxEntry): void {
    lastNumber += 1;
    lastCounter = entry.counter;
    inFlight.set(lastNumber, entry);
    const { id: message, conversation, recipients } = entry;
    deps.send({
      type: 'send',
      number: lastNumber,
      message: { kind: 'direct', id: message, conversation, recipients },
    });
  }

  async function mendAndReturn({ number, problem, entries }: Refusal): Promise<void> {
    const [refused] = entries;
    if (refused === undefined) throw new Error('a refusal without its entry');
    const isGivenUp = await mend(deps, {
      problem,
      entries,
      conversation: await needConversation(deps, id),
    });
    if (isGivenUp) deps.send({ type: 'withdraw', conversation: id, number });
    lastNumber = isGivenUp ? number : number - 1;
    lastCounter = isGivenUp ? refused.counter : refused.counter - 1;
    refusal = undefined;
    const asked = (problem.retryAfter ?? 0) * 1000;
    if (PASSING.includes(problem.code)) await retryLater(asked);
  }

  function retryLater(askedMs: number): Promise<void> {
    return pause(Math.max(askedMs, backOffMs(failures++, deps.random())), stopping.signal);
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        if (await step()) await bell.wait();
      } catch (error) {
        if (stopping.signal.aborted) return;
        deps.events.emit('trouble', { error });
        // A changed identity waits for a person, who wakes the lane; everything else passes.
        if (error instanceof ClientError && error.code === 'identity.changed') await bell.wait();
        else
          await retryLater(error instanceof ApiError ? (error.options.retryAfter ?? 0) * 1000 : 0);
      }
    }
  }

  const ended = run();
  return {
    wake: bell.ring,
    async onStored(number, stored) {
      const entry = inFlight.get(number);
      if (entry === undefined || entry.id !== stored.id) return;
      await deps.store.transaction((transaction) => settle(deps, transaction, { entry, stored }));
      inFlight.delete(number);
      failures = 0;
      const { conversation, seq } = stored;
      deps.events.emit('stored', { id: stored.id, conversation, seq });
      bell.ring();
    },
    onRefused(number, problem) {
      const entry = inFlight.get(number);
      if (entry === undefined) return;
      inFlight.delete(number);
      if (refusal === undefined) refusal = { number, problem, entries: [entry] };
      else refusal.entries.push(entry);
      bell.ring();
    },
    stop() {
      stopping.abort();
      bell.ring();
      return ended;
    },
  };
}

interface Mending {
  readonly problem: Problem;
  readonly entries: readonly OutboxEntry[];
  readonly conversation: ConversationRecord;
}

/** Does what a refusal asks for. True when the message is given up; its content is kept aside. */
async function mend(deps: LaneDeps, { problem, entries, conversation }: Mending): Promise<boolean> {
  if (PASSING.includes(problem.code)) return false;
  if (problem.code === 'message.devices-stale' && problem.devices !== undefined) {
    await followDevices(deps, { conversation, entries, difference: problem.devices });
    return false;
  }
  const [refused] = entries;
  await deps.store.transaction((transaction) => setAside(transaction, refused!));
  const { id, conversation: where } = refused!;
  deps.events.emit('failed', { id, conversation: where, code: problem.code });
  return true;
}

interface DeviceChange {
  readonly conversation: ConversationRecord;
  readonly entries: readonly OutboxEntry[];
  readonly difference: DeviceDifference;
}

async function followDevices(deps: LaneDeps, change: DeviceChange): Promise<void> {
  const { conversation, entries, difference } = change;
  const wanted = difference.missing.map(({ user, device }) => ({
    user: UserId.parse(user),
    device: DeviceId.parse(device),
  }));
  // Several entries may have been refused for the same device: only the first fetches its bundle.
  await meetPeers(deps, await deps.store.transaction((transaction) => unmet(transaction, wanted)));
  await deps.store.transaction(async (transaction) => {
    await forgetDevices(transaction, conversation.members, difference.unknown);
    await unseal(transaction, entries);
  });
}
