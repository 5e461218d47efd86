/** A conversation's history from its end, in a store that lists in ascending order only. */
import type { ConversationId } from '@sotto/api';
import { STORE_PAGE } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord } from '../store/stored-record.ts';
import { readCursor } from './conversations.ts';
import { HistoryItem } from './history-item.ts';

/**
 * The items of a conversation below `before`, the newest first; from the newest of all when it is left out. Places may be
 * far apart: a platform that was restored leaves a million of them empty.
 */
export async function* itemsBefore(
  transaction: StoreTransaction,
  conversation: ConversationId,
  before: number | undefined,
): AsyncGenerator<HistoryItem, void> {
  let end = before ?? (await placeBehindAll(transaction, conversation));
  while (end > 1) {
    const start = Math.max(0, end - 1 - STORE_PAGE);
    const page = await listAfter(transaction, conversation, { start, limit: STORE_PAGE });
    const items = page.filter(({ seq }) => seq < end);
    yield* items.toReversed();
    // Where a page is empty, the next one is looked for instead of going through all places.
    end =
      items.length > 0 ? start + 1 : await endOfItemsBefore(transaction, conversation, start + 1);
  }
}

/**
 * The place behind the last item. Messages of ours are there as soon as they are stored, however far the rest was read; and
 * after a restore nothing was read yet. So it is looked for in leaps, and not by going through all of them.
 */
async function placeBehindAll(
  transaction: StoreTransaction,
  conversation: ConversationId,
): Promise<number> {
  const firstAfter = async (start: number) =>
    (await listAfter(transaction, conversation, { start, limit: 1 }))[0]?.seq;
  let low = await readCursor(transaction, conversation);
  let found = await firstAfter(low);
  if (found === undefined) return low + 1;
  let leap = 1;
  // No lie about a place leads beyond the end of all numbers, where nothing can be counted.
  const leapt = () => Math.min(low + leap, Number.MAX_SAFE_INTEGER);
  for (; found !== undefined; found = await firstAfter(leapt())) {
    low = found;
    leap *= 2;
  }
  for (let high = leapt(); high > low; ) {
    const middle = low + Math.floor((high - low) / 2);
    found = await firstAfter(middle);
    if (found === undefined) high = middle;
    else low = found;
  }
  return low + 1;
}

/** A place at most a page behind the last item below `end`; 0 when there is none. */
async function endOfItemsBefore(
  transaction: StoreTransaction,
  conversation: ConversationId,
  end: number,
): Promise<number> {
  const firstAfter = async (start: number, behind: number) => {
    const [found] = await listAfter(transaction, conversation, { start, limit: 1 });
    return found !== undefined && found.seq < behind ? found.seq : undefined;
  };
  let high = end;
  let low = await firstAfter(0, high);
  if (low === undefined) return 0;
  while (high - low > STORE_PAGE) {
    const middle = Math.floor((low + high) / 2);
    const found = await firstAfter(middle - 1, high);
    if (found === undefined) high = middle;
    else low = found;
  }
  return high;
}

async function listAfter(
  transaction: StoreTransaction,
  conversation: ConversationId,
  { start, limit }: { readonly start: number; readonly limit: number },
): Promise<HistoryItem[]> {
  const after = keys.message(conversation, start);
  const page = await transaction.list({ prefix: keys.messages(conversation), after, limit });
  return page.map(({ value }) => decodeRecord(HistoryItem, value));
}
