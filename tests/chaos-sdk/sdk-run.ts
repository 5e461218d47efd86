/**
 * Many clients of the SDK write to each other, in pairs and in groups, while connections break, clients die and come back,
 * and the stores of some come back from a copy: at the end everybody shows everything once, in order, readable.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Chance, createChance } from '../chaos/chance.ts';
import { NO_LIMITS, startStandalone } from '../cluster.ts';
import { enter, isOver, type Person } from './person.ts';
import { judge, type Room, type Verdict } from './verdict.ts';

export interface SdkRunOptions {
  readonly seed: number;
  readonly clients: number;
  readonly messages: number;
  /** Between two messages of one client, at most. */
  readonly pauseMsMax: number;
  /** For what is still missing when all is written and nothing breaks any more. */
  readonly settleMs: number;
  readonly say?: (line: string) => void;
  readonly signal?: AbortSignal;
}

export interface SdkReport {
  readonly verdict: Verdict;
  readonly rooms: { readonly direct: number; readonly group: number };
  readonly written: number;
  readonly cuts: number;
  readonly restarts: number;
  /** Whose stores were to come back from a copy, whose did, and who of those has noticed. */
  readonly forgetful: number;
  readonly restored: number;
  readonly noticed: number;
  readonly seconds: number;
  /** Until all was there after the last fault. */
  readonly settledMs: number;
  /** What clients told that they had no reason to. */
  readonly alarms: readonly string[];
}

interface Town {
  readonly people: readonly Person[];
  readonly rooms: readonly Room<Person>[];
  readonly chance: Chance;
  readonly options: SdkRunOptions;
  /** Messages that are left to be written. */
  left: number;
  readonly counts: { cuts: number; restarts: number };
  readonly restored: Set<Person>;
  /** Who is dying or coming back just now. */
  readonly away: Set<Person>;
  /** What had left already when a store was copied: nobody may miss it. */
  readonly copied: Map<Person, ReadonlySet<string>>;
}

interface Settled {
  readonly verdict: Verdict;
  /** Who has found that its store was behind. */
  readonly noticed: readonly Person[];
}

/** One in so many has a store that comes back from a copy. */
const FORGETFUL_ONE_IN = 20;
const GROUP_MEMBERS = 6;
/** Of connections, at a time. */
const CUT_SHARE = 0.05;
const FAULT_EVERY_MS = 400;
const CUT_MS_MAX = 1_500;
/** More than this waiting in one conversation, and its writer waits too. */
const UNSENT_MAX = 50;
const ENTER_AT_ONCE = 4;
const LOOK_MS = 500;

/** Starts a platform of its own and stops everything. Rejects with the reason of the signal. */
export async function runSdk(options: SdkRunOptions): Promise<SdkReport> {
  await using opened = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), 'sotto-chaos-sdk-'));
  opened.defer(() => rmSync(directory, { recursive: true, force: true }));
  const platform = await startStandalone({ environment: NO_LIMITS });
  opened.defer(() => platform.close());
  const alarms: string[] = [];
  const chance = createChance(options.seed);
  const begun = performance.now();
  const people = await enterAll(options, {
    directory,
    port: Number(new URL(platform.url).port),
    tell: (name, what) => void alarms.push(`${name}: ${what}`),
  });
  opened.defer(async () => void (await Promise.all(people.map((person) => person.close()))));
  const rooms = await furnish(people, chance);
  options.say?.(`${people.length} clients in ${rooms.length} conversations`);
  const town: Town = {
    ...{ people, rooms, chance, options, left: options.messages },
    ...{
      counts: { cuts: 0, restarts: 0 },
      restored: new Set(),
      away: new Set(),
      copied: new Map(),
    },
  };
  const work = [strike(town), ...people.map((person) => write(person, town))];
  try {
    await Promise.all(work);
  } finally {
    await Promise.allSettled(work);
  }
  const writtenAt = performance.now();
  options.say?.(`all is written after ${Math.round((writtenAt - begun) / 1000)} s`);
  const { verdict, noticed } = await settle(town);
  const settledMs = Math.round(performance.now() - writtenAt);
  const misled = noticed.filter((person) => !town.restored.has(person));
  alarms.push(...misled.map(({ name }) => `${name}: its store is not behind`));
  const direct = rooms.filter(({ members }) => members.length === 2).length;
  return {
    verdict,
    rooms: { direct, group: rooms.length - direct },
    written: rooms.reduce((sum, { written }) => sum + written.length, 0),
    ...town.counts,
    forgetful: people.filter(({ isForgetful }) => isForgetful).length,
    restored: town.restored.size,
    noticed: noticed.length - misled.length,
    seconds: Math.round((performance.now() - begun) / 1000),
    settledMs,
    alarms,
  };
}

async function enterAll(
  { clients, signal }: SdkRunOptions,
  given: { directory: string; port: number; tell: (name: string, what: string) => void },
): Promise<Person[]> {
  const people: Person[] = [];
  for (let at = 0; at < clients; at += ENTER_AT_ONCE) {
    signal?.throwIfAborted();
    const group = Array.from({ length: Math.min(ENTER_AT_ONCE, clients - at) }, (_, index) => {
      const name = `person${at + index}`;
      const isForgetful = (at + index) % FORGETFUL_ONE_IN === 0;
      return enter({ ...given, name, path: join(given.directory, name), isForgetful });
    });
    people.push(...(await Promise.all(group)));
  }
  return people;
}

/**
 * Everybody is in two conversations with one other person and in one group at least. No two whose stores are copied
 * share one: what one of them has forgotten to have sent, the other could have of nobody.
 */
async function furnish(people: readonly Person[], chance: Chance): Promise<Room<Person>[]> {
  const forgetful = people.filter(({ isForgetful }) => isForgetful);
  const others = people.filter(({ isForgetful }) => !isForgetful);
  const rooms: Room<Person>[] = [];
  for (const person of people) {
    for (const other of chance
      .shuffle(others)
      .filter((each) => each !== person)
      .slice(0, 2)) {
      const { id } = await person.client().openDirect(other.user);
      const members = [person, other];
      if (!rooms.some((room) => room.id === id)) rooms.push({ id, members, written: [] });
    }
  }
  const size = GROUP_MEMBERS - 1;
  const mixed = chance.shuffle(others);
  for (let at = 0; at * size < mixed.length; at += 1) {
    const copied = forgetful[at % forgetful.length];
    const members = [...mixed.slice(at * size, (at + 1) * size), ...(copied ? [copied] : [])];
    const [founder, ...rest] = members as [Person, ...Person[]];
    const { id } = await founder.client().groups.create({ members: rest.map(({ user }) => user) });
    rooms.push({ id, members, written: [] });
  }
  return rooms;
}

/** Says things until the run's messages are used up. */
async function write(person: Person, town: Town): Promise<void> {
  const { chance, options } = town;
  const rooms = roomsOf(person, town);
  while (town.left > 0) {
    options.signal?.throwIfAborted();
    await pause(chance.below(options.pauseMsMax));
    if (town.away.has(person) || town.left === 0) continue;
    const room = chance.pick(rooms);
    try {
      if ((await person.unsent(room.id)).length > UNSENT_MAX || town.left === 0) continue;
      town.left -= 1;
      await say(person, room, town);
    } catch (error) {
      // It died in the call.
      if (!isOver(error)) throw error;
    }
  }
}

/** Resolves to the text as soon as the client has it. */
async function say(person: Person, room: Room<Person>, { rooms }: Town): Promise<string> {
  const text = `${rooms.indexOf(room)} ${person.name} ${room.written.length}`;
  const written = { text, author: person.name, isSure: false, isForgotten: false };
  room.written.push(written);
  await person.client().sendText(room.id, text);
  written.isSure = !written.isForgotten;
  return text;
}

function roomsOf(person: Person, { rooms }: Town): Room<Person>[] {
  return rooms.filter(({ members }) => members.includes(person));
}

/** Breaks connections, kills clients, and brings copies back, while there is something to write. */
async function strike(town: Town): Promise<void> {
  const { people, chance, options } = town;
  const pending: Promise<void>[] = [];
  const begin = (fault: Promise<void>): void => {
    fault.catch(() => undefined); // Thrown below, when all have ended.
    pending.push(fault);
  };
  const forgetful = people.filter(({ isForgetful }) => isForgetful);
  const toCopy = [...forgetful];
  const toRestore = [...forgetful];
  while (town.left > 0) {
    options.signal?.throwIfAborted();
    await pause(chance.below(2 * FAULT_EVERY_MS));
    const done = 1 - town.left / options.messages;
    const isOut = (person: Person | undefined): boolean => !person || town.away.has(person);
    for (const person of chance.shuffle(people).slice(0, Math.ceil(people.length * CUT_SHARE))) {
      if (!isOut(person)) begin(cut(person, town));
    }
    if (done > 0.25 && !isOut(toCopy[0])) {
      begin(copy(toCopy.shift()!, town));
    } else if (done > 0.6 && toCopy.length === 0 && !isOut(toRestore[0])) {
      begin(restore(toRestore.shift()!, town));
    } else {
      const victim = chance.pick(people);
      if (!isOut(victim)) begin(restart(victim, town));
    }
  }
  await Promise.all(pending);
  // Whoever was never copied in a run this short is missing from the report's count.
  for (const person of toRestore) if (town.copied.has(person)) await restore(person, town);
}

async function cut({ wire }: Person, { counts, chance }: Town): Promise<void> {
  counts.cuts += 1;
  wire.cut();
  await pause(chance.below(CUT_MS_MAX));
  wire.restore();
}

async function restart(person: Person, { away, counts }: Town): Promise<void> {
  away.add(person);
  counts.restarts += 1;
  await person.restart();
  away.delete(person);
}

async function copy(person: Person, town: Town): Promise<void> {
  const { away, counts, rooms, copied } = town;
  away.add(person);
  counts.restarts += 1;
  const kept = rooms.flatMap(({ written }) => written.filter(({ isSure }) => isSure));
  const waiting = new Set<string>();
  for (const room of roomsOf(person, town)) {
    for (const text of await person.unsent(room.id)) waiting.add(text);
  }
  copied.set(person, new Set(kept.map(({ text }) => text).filter((text) => !waiting.has(text))));
  await person.restart({ isCopied: true });
  away.delete(person);
}

async function restore(person: Person, town: Town): Promise<void> {
  const { away, restored, rooms, copied } = town;
  away.add(person);
  await outliveCopy(person, town);
  for (const written of rooms.flatMap((room) => room.written)) {
    if (written.author !== person.name || copied.get(person)?.has(written.text)) continue;
    written.isSure = false;
    written.isForgotten = true;
  }
  await person.restore();
  restored.add(person);
  away.delete(person);
}

/** Says one thing more that arrives: a copy of a store that nothing has followed is not behind. */
async function outliveCopy(person: Person, town: Town): Promise<void> {
  const { chance, options } = town;
  const room = chance.pick(roomsOf(person, town));
  const text = await say(person, room, town);
  const until = performance.now() + options.settleMs;
  while ((await person.unsent(room.id)).includes(text)) {
    options.signal?.throwIfAborted();
    if (performance.now() > until) throw new Error(`${person.name} gets nothing sent`);
    await pause(LOOK_MS);
  }
}

/** Looks until nothing is missing any more and whoever came back has noticed it, or it has taken too long. */
async function settle({ people, rooms, restored, options }: Town): Promise<Settled> {
  const until = performance.now() + options.settleMs;
  for (;;) {
    options.signal?.throwIfAborted();
    const verdict = await judge(rooms);
    const noticed = await whoHasNoticed(people);
    const isQuiet = isWhole(verdict) && restored.isSubsetOf(new Set(noticed));
    if (isQuiet || performance.now() > until) return { verdict, noticed };
    await pause(LOOK_MS);
  }
}

async function whoHasNoticed(people: readonly Person[]): Promise<Person[]> {
  const noticed: Person[] = [];
  for (const person of people) if (await person.hasNoticed()) noticed.push(person);
  return noticed;
}

/** All that a run is there to show: nobody misses anything, was misled, or has not noticed that its store is a copy. */
export function hasHeld({ verdict, alarms, forgetful, restored, noticed }: SdkReport): boolean {
  const isNoticed = restored === forgetful && noticed === forgetful;
  return isWhole(verdict) && alarms.length === 0 && isNoticed;
}

/** Nothing is lost, doubled, out of order or unreadable. */
function isWhole(verdict: Verdict): boolean {
  const { missing, twice, disordered, unreadable, untaken } = verdict;
  return missing + twice + disordered + unreadable + untaken === 0;
}
