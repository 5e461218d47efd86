/**
 * Goes on asking for what could not be read, now and when its time comes, for as long as a connection lasts. All that it
 * knows is in the store.
 */
import { Address, ConversationId } from '@sotto/api';
import type { Events } from '../events.ts';
import { REPAIR_LOOK_MS } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import type { Store, StoreTransaction } from '../store/store.ts';
import { entriesUnder } from '../store/stored-record.ts';
import type { SessionsDeps } from '../trust/sessions.ts';
import type { Sender } from './missed-message.ts';
import { requestAgain } from './repair-request.ts';

export interface RepairDeps extends SessionsDeps {
  readonly store: Store;
  readonly events: Events;
  /** There is something new to send in a conversation. */
  readonly wake: (conversation: ConversationId) => void;
}

export interface Repairer {
  /** There may be something to ask for. */
  wake(): void;
  /** Resolves when nothing of it runs any more. Leaves no timer behind. */
  stop(): Promise<void>;
}

/** Begins with the first `wake`. */
export function createRepairer(deps: RepairDeps): Repairer {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: Promise<void> | undefined;
  let isRung = false;
  let isStopped = false;

  async function work(): Promise<void> {
    clearTimeout(timer);
    let dueAt: number | undefined;
    while (isRung && !isStopped) {
      isRung = false;
      dueAt = await requestAll(deps).catch((error) => {
        if (!isStopped) deps.events.emit('trouble', { error });
        return deps.clock() + REPAIR_LOOK_MS;
      });
    }
    running = undefined;
    if (dueAt === undefined || isStopped) return;
    // Machines sleep, and clocks are set.
    const waitMs = Math.min(REPAIR_LOOK_MS, Math.max(0, dueAt - deps.clock()));
    timer = setTimeout(wake, waitMs);
  }

  function wake(): void {
    isRung = true;
    running ??= work();
  }

  return {
    wake,
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

/** Asks every device that it is time for; says when to look again, if ever. */
async function requestAll({ store, wake, ...deps }: RepairDeps): Promise<number | undefined> {
  let soonest: number | undefined;
  for (const sender of await store.transaction(listSenders)) {
    const { isAsked, dueAt } = await store.transaction((transaction) =>
      requestAgain(deps, transaction, sender),
    );
    if (isAsked) wake(sender.conversation);
    if (dueAt !== undefined) soonest = Math.min(soonest ?? dueAt, dueAt);
  }
  return soonest;
}

async function listSenders(transaction: StoreTransaction): Promise<Sender[]> {
  const senders: Sender[] = [];
  for await (const { key } of entriesUnder(transaction, keys.repairs)) {
    const [conversation, user, device] = key.slice(keys.repairs.length).split('/');
    const address = Address.parse({ user, device });
    senders.push({ conversation: ConversationId.parse(conversation), ...address });
  }
  return senders;
}
