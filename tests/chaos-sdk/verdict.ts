/** What every device has to show at the end, held against what it shows. */
import type { Client, ConversationRecord, HistoryItem } from '@sotto/client';

/** Somebody whose histories are read. */
export interface Reader {
  readonly name: string;
  /** The texts that `messages()` has given. */
  readonly taken: ReadonlySet<string>;
  client(): Pick<Client, 'history'>;
}

/** One conversation of the run, and what was written there. */
export interface Room<Member extends Reader = Reader> {
  readonly id: ConversationRecord['id'];
  readonly members: readonly Member[];
  readonly written: Written[];
}

/** A text of a run, `room author number`, by which it is told from all others. */
export interface Written {
  readonly text: string;
  readonly author: string;
  /** Not when its author's store forgot about it, or when the author died in the call: then nobody need have it. */
  isSure: boolean;
  /** Its author's store has come back from a copy since. */
  isForgotten: boolean;
}

export interface Verdict {
  /** Places of histories that were to hold a text. */
  readonly expected: number;
  readonly missing: number;
  readonly twice: number;
  readonly disordered: number;
  readonly unreadable: number;
  /** Was not given by `messages()`. */
  readonly untaken: number;
  /** Could not be read at first. */
  readonly repaired: number;
  /** The first of what was wrong, in words. */
  readonly findings: readonly string[];
}

type Tally = { -readonly [K in Exclude<keyof Verdict, 'findings'>]: number };

const FINDINGS_MAX = 20;
const PAGE = 1_000;

/** Reads all histories. Throws what clients do, such as when one is closed meanwhile. */
export async function judge(rooms: readonly Room[]): Promise<Verdict> {
  const tally = {
    ...{ expected: 0, missing: 0, twice: 0, disordered: 0, unreadable: 0, untaken: 0, repaired: 0 },
  };
  const findings: string[] = [];
  const find = (kind: keyof Tally, words: string): void => {
    tally[kind] += 1;
    if (findings.length < FINDINGS_MAX) findings.push(`${kind}: ${words}`);
  };
  for (const room of rooms) await judgeRoom(room, tally, find);
  return { ...tally, findings };
}

type Find = (kind: keyof Tally, words: string) => void;

async function judgeRoom(room: Room, tally: Tally, find: Find): Promise<void> {
  const shown = await Promise.all(
    room.members.map(async (person) => ({ person, items: await historyOf(person, room.id) })),
  );
  const places = new Map<string, number>();
  for (const { person, items } of shown) checkOrder(items, { places, find, who: person.name });
  for (const { person, items } of shown) {
    const texts = new Set<string>();
    for (const item of items) {
      if (item.type === 'unreadable') {
        find('unreadable', `${person.name} ${item.conversation} ${item.seq}: ${item.cause}`);
      }
      if (item.type !== 'message' || item.content.type !== 'text') continue;
      if (texts.has(item.content.text)) find('twice', `${person.name} ${item.content.text}`);
      texts.add(item.content.text);
      if (item.isRepaired) tally.repaired += 1;
    }
    for (const { text, author, isSure, isForgotten } of room.written) {
      const isOwn = author === person.name;
      if ((isOwn && isForgotten) || !(isSure || places.has(text))) continue;
      tally.expected += 1;
      if (!texts.has(text)) find('missing', `${person.name} ${text}`);
      else if (!isOwn && !person.taken.has(text)) find('untaken', `${person.name} ${text}`);
    }
  }
}

/** Each place has the same text for everybody, and each author's come in the order in which they were written. */
function checkOrder(
  items: readonly HistoryItem[],
  { places, find, who }: { places: Map<string, number>; find: Find; who: string },
): void {
  const last = new Map<string, number>();
  for (const item of items) {
    if (item.type !== 'message' || item.content.type !== 'text') continue;
    const { text } = item.content;
    const [, author = '', number] = text.split(' ');
    if ((last.get(author) ?? -1) >= Number(number)) find('disordered', `${who} ${text}`);
    last.set(author, Number(number));
    const place = places.get(text) ?? item.seq;
    if (place !== item.seq) find('disordered', `${who} ${text} at ${item.seq}, not ${place}`);
    places.set(text, place);
  }
}

async function historyOf(person: Reader, id: Room['id']): Promise<HistoryItem[]> {
  const items: HistoryItem[] = [];
  for (;;) {
    const after = items.at(-1)?.seq ?? 0;
    const page = await person.client().history(id, { after, limit: PAGE });
    items.push(...page);
    if (page.length < PAGE) return items;
  }
}
