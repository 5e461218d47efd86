/** Messages for the application's loop: from the store, each until the loop has come round for the next one. */

import { isLoggedOut, loggedOutError } from '../account/tokens.ts';
import { createBell } from '../connection/bell.ts';
import { ClientError } from '../errors.ts';
import { ARRIVALS_PER_LOOK, ARRIVALS_WITHOUT_LOOP_MAX } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import type { Store, StoreTransaction } from '../store/store.ts';
import { decodeRecord, putRecord, takeNumber } from '../store/stored-record.ts';
import { HistoryItem, type Message, Place } from './history-item.ts';

export interface Arrivals {
  /** A message was added, or the session has ended. */
  ring(): void;
  /**
   * Messages in order of arrival, those from before a restart included. Each is given at least once: it counts as
   * taken when the loop asks for the next one. Ends when the client closes. Throws `messages.taken` while another
   * loop runs, and `account.logged-out` when the session has ended and everything that had arrived was given. Ends when
   * `ended` is aborted.
   */
  messages(ended?: AbortSignal): AsyncGenerator<Message, void>;
  /** Ends the loop. */
  close(): void;
}

/** The arrivals of a store. */
export function createArrivals(store: Store): Arrivals {
  const bell = createBell();
  let isTaken = false;
  let isClosed = false;

  async function* messages(ended?: AbortSignal): AsyncGenerator<Message, void> {
    if (isTaken) throw new ClientError('messages.taken', 'another loop takes the messages');
    isTaken = true;
    ended?.addEventListener('abort', bell.ring);
    let finished: string | undefined;
    try {
      if (!isClosed) await noteLoop(store);
      while (!isClosed) {
        const next = await finishAndFindNext(store, finished);
        if (ended?.aborted) return;
        finished = next === 'ended' ? undefined : next?.key;
        if (next === 'ended') throw loggedOutError();
        if (next === undefined) await bell.wait();
        else if (next.message !== undefined) yield next.message;
      }
    } finally {
      ended?.removeEventListener('abort', bell.ring);
      isTaken = false;
    }
  }

  return {
    ring: bell.ring,
    messages,
    close() {
      isClosed = true;
      bell.ring();
    },
  };
}

/** Once for a store: from then on nothing that waits for a loop is dropped. */
function noteLoop(store: Store): Promise<void> {
  return store.transaction(async (transaction) => {
    if ((await transaction.get(keys.arrivalLoop)) === undefined)
      await transaction.put(keys.arrivalLoop, new Uint8Array(0));
  });
}

/**
 * Has a message wait for the loop. Where none has ever run, the oldest go once there are too many: they stay in the history.
 */
export async function noteArrival(transaction: StoreTransaction, place: Place): Promise<void> {
  const number = await takeNumber(transaction, keys.arrivalIds);
  await putRecord(transaction, keys.arrival(number), [Place, place]);
  const isToLook = number % ARRIVALS_PER_LOOK === 0 && number > ARRIVALS_WITHOUT_LOOP_MAX;
  if (!isToLook || (await transaction.get(keys.arrivalLoop)) !== undefined) return;
  const last = keys.arrival(number - ARRIVALS_WITHOUT_LOOP_MAX);
  const oldest = await transaction.list({ prefix: keys.arrivals, limit: 2 * ARRIVALS_PER_LOOK });
  for (const { key } of oldest) if (key <= last) await transaction.delete(key);
}

/** The oldest arrival after the one that is done with. Its message is absent when the history lost it; `ended` is
 * for when there is none and none can come, because the session has ended. */
function finishAndFindNext(
  store: Store,
  finished: string | undefined,
): Promise<{ key: string; message?: Message } | 'ended' | undefined> {
  return store.transaction(async (transaction) => {
    if (finished !== undefined) await transaction.delete(finished);
    const [entry] = await transaction.list({ prefix: keys.arrivals, limit: 1 });
    if (entry === undefined) return (await isLoggedOut(transaction)) ? 'ended' : undefined;
    const { conversation, seq } = decodeRecord(Place, entry.value);
    const bytes = await transaction.get(keys.message(conversation, seq));
    const item = bytes && decodeRecord(HistoryItem, bytes);
    return { key: entry.key, ...(item?.type === 'message' && { message: item }) };
  });
}
