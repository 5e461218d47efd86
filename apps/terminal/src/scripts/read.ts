/** `sotto read [TO]`: what was said, after fetching what is new. */
import type { Client, ConversationView, HistoryItem } from '@sotto/client';
import { countOf, momentOf } from '../arguments.ts';
import { type Call, withClient } from '../call.ts';
import { wrongCall } from '../exit-code.ts';
import { HISTORY_PAGE } from '../limits.ts';
import { firstValue } from './first-value.ts';
import { listTitles } from './list.ts';
import { messageJson, messageLines } from './message-output.ts';
import { findConversation, type Names, openNames } from './names.ts';
import { untilQuiet } from './until-quiet.ts';

const LIMIT = 50;

/** Prints the oldest first, over all conversations in the order of their times. */
export async function read(call: Call): Promise<void> {
  const [, to, ...rest] = call.words;
  if (rest.length > 0) throw wrongCall('sotto read [TO]');
  const wanted = wantedBy(call);
  await withClient(call, async (client) => {
    await untilQuiet(client, call.signal);
    const only = to === undefined ? undefined : await findConversation(client, to);
    const views = await firstValue(client.state.conversations);
    const chosen = views.filter(({ id }) => only === undefined || id === only);
    const found = await Promise.all(chosen.map((view) => readOne(client, view, wanted)));
    const items = found.flat().toSorted((one, other) => timeOf(one) - timeOf(other));
    const shown = wanted.limit === undefined ? items : items.slice(-wanted.limit);
    await print(call, client, { items: shown, views });
    if (call.options.keep !== true) await markRead(client, shown);
  });
}

interface Wanted {
  readonly since: number | undefined;
  readonly unread: boolean;
  readonly limit: number | undefined;
}

function wantedBy({ options }: Call): Wanted {
  const since = momentOf(options.since, Date.now());
  const unread = options.unread === true;
  const isBounded = unread || since !== undefined;
  return {
    since,
    unread,
    limit: countOf(options.limit, 'limit') ?? (isBounded ? undefined : LIMIT),
  };
}

async function readOne(
  client: Client,
  { id, unread: count }: ConversationView,
  { since, unread, limit }: Wanted,
): Promise<HistoryItem[]> {
  if (unread && count === 0) return [];
  const items: HistoryItem[] = [];
  for (let after = 0; ; ) {
    const page = await client.history(id, { after, limit: HISTORY_PAGE });
    items.push(...page.filter((item) => since === undefined || timeOf(item) >= since));
    // What is older than all that is wanted is not kept in memory.
    if (limit !== undefined && !unread) items.splice(0, items.length - limit);
    after = page.at(-1)?.seq ?? after;
    if (page.length < HISTORY_PAGE) break;
  }
  return unread ? newest(items, count) : items;
}

/** From the first of so many unread ones on. */
function newest(items: readonly HistoryItem[], count: number): HistoryItem[] {
  const counted = items.filter(isCounted);
  const first = counted.at(-Math.min(count, counted.length));
  return first === undefined
    ? []
    : items.filter(({ seq }) => seq >= first.seq && counted.length > 0);
}

function isCounted(item: HistoryItem): boolean {
  if (item.type === 'unreadable') return true;
  if (item.type === 'membership' || item.own) return false;
  return ['text', 'file', 'unsupported'].includes(item.content.type);
}

async function print(
  call: Call,
  client: Client,
  { items, views }: { items: readonly HistoryItem[]; views: readonly ConversationView[] },
): Promise<void> {
  const names = openNames(client);
  const titles = await listTitles(client, views, names);
  for (const item of items) {
    const where = titles.get(item.conversation) ?? '';
    for (const line of await linesOf(call, item, { names, where })) call.output.out(line);
  }
}

/** One item as the call wants it. */
export async function linesOf(
  { options }: Call,
  item: HistoryItem,
  place: { readonly names: Names; readonly where: string },
): Promise<string[]> {
  return options.json === true ? [await messageJson(item, place.names)] : messageLines(item, place);
}

async function markRead(client: Client, items: readonly HistoryItem[]): Promise<void> {
  const last = new Map<string, Extract<HistoryItem, { type: 'message' }>>();
  for (const item of items) if (item.type === 'message') last.set(item.conversation, item);
  for (const item of last.values()) await client.markRead(item);
}

function timeOf(item: HistoryItem): number {
  return item.type === 'unreadable' ? Date.parse(item.sentAt) : item.time;
}
