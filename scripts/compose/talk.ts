/** A conversation that goes on while containers die: three people write all the time, and are to miss nothing. */
import { setTimeout as pause } from 'node:timers/promises';
import { isOver } from '../../tests/chaos-sdk/person.ts';
import { judge, type Room, type Verdict } from '../../tests/chaos-sdk/verdict.ts';
import { openPerson, type Person } from './people.ts';
import { comeIn, passFile, type Watch, whenDone, whenTrue } from './probes.ts';

const NAMES = ['Alice', 'Bob', 'Carol'] as const;

/** Between two texts of one person. */
const WRITE_EVERY_MS = 250;
/** With more waiting in a conversation, a person waits too. */
const UNSENT_MAX = 400;
/** For what somebody who is away is to find. */
const AWAY_MS = 3_000;

/** Milliseconds until something worked again; undefined for what had not in time. */
export interface Recovery {
  /** All that was written before has reached everybody, and something that each has written since. */
  readonly texts: number | undefined;
  /** A file went up and came down. */
  readonly file: number | undefined;
  /** Somebody new registered, published keys, and wrote to one of the others. */
  readonly newcomer: number | undefined;
}

export interface TalkOptions {
  readonly url: string;
  /** For the people's stores. */
  readonly directory: string;
  readonly signal: AbortSignal;
}

/** A conversation, and when each of its texts was written. */
interface Place extends Room<Person> {
  readonly times: Map<string, number>;
}

export type Talk = Awaited<ReturnType<typeof beginTalk>>;

/** They register and begin to write: all in a group, and two of them to each other as well. Close it. */
export async function beginTalk({ url, directory, signal }: TalkOptions) {
  const alarms: string[] = [];
  const alarm = (words: string): void => void alarms.push(words);
  const [alice, bob, carol] = await enter({ url, directory, alarm });
  const people = [alice.person, bob.person, carol.person];
  const group = await alice.person.client().groups.create({ members: [bob.id, carol.id] });
  const direct = await alice.person.client().openDirect(bob.id);
  const places: Place[] = [
    { id: group.id, members: people, written: [], times: new Map() },
    { id: direct.id, members: [alice.person, bob.person], written: [], times: new Map() },
  ];
  const stopping = new AbortController();
  const until = AbortSignal.any([stopping.signal, signal]);
  const writers = people.map((person) =>
    write(person, places, until).catch((error) => alarm(`${person.name} stopped: ${error}`)),
  );
  let probes = 0;

  async function stop(): Promise<void> {
    stopping.abort();
    await Promise.all(writers);
  }

  return {
    alarms,
    /** Looks from now on, for so long. */
    async recover(withinMs: number): Promise<Recovery> {
      const watch: Watch = { since: performance.now(), withinMs, signal };
      const probe = ++probes;
      const [texts, file, newcomer] = await Promise.all([
        whenTrue(watch, () => places.every((place) => isCaughtUp(place, watch.since))),
        whenDone(watch, (attempt) => {
          const name = `file ${probe}.${attempt}`;
          return passFile(alice.person, bob.person, { conversation: group.id, name });
        }),
        whenDone(watch, (attempt) =>
          comeIn(url, `New${probe}x${attempt}`, { to: alice.person, id: alice.id }),
        ),
      ]);
      return { texts, file, newcomer };
    },
    /** Somebody goes, does not see what is written then, and comes back when something is done. */
    async whileAway(something: () => Promise<void>): Promise<void> {
      await carol.person.leave();
      await pause(AWAY_MS, undefined, { signal });
      await something();
      await carol.person.comeBack();
    },
    /** Ends the writing, gives the last texts so long to arrive, and reads all histories. */
    async end(withinMs: number): Promise<Verdict & { readonly written: number }> {
      await stop();
      const watch = { since: performance.now(), withinMs, signal };
      await whenTrue(watch, () => places.every((place) => isWholeUntil(place, watch.since)));
      const written = places.reduce((sum, place) => sum + place.written.length, 0);
      return { ...(await judge(places)), written };
    },
    async close(): Promise<void> {
      await stop();
      await Promise.all(people.map((person) => person.leave()));
    },
  };
}

interface Entered {
  readonly person: Person;
  readonly id: Awaited<ReturnType<Person['register']>>;
}

async function enter(
  given: Pick<Parameters<typeof openPerson>[0], 'url' | 'directory' | 'alarm'>,
): Promise<[Entered, Entered, Entered]> {
  const entered = NAMES.map(async (name) => {
    const person = openPerson({ ...given, name });
    const id = await person.register();
    await person.connect();
    return { person, id };
  });
  return (await Promise.all(entered)) as [Entered, Entered, Entered];
}

/** Says things until it is told to stop. Who is away says nothing. */
async function write(person: Person, places: readonly Place[], signal: AbortSignal): Promise<void> {
  const own = places.filter(({ members }) => members.includes(person));
  for (let number = 0; !signal.aborted; number++) {
    await pause(WRITE_EVERY_MS, undefined, { signal }).catch(() => undefined);
    const place = own[number % own.length];
    if (signal.aborted || place === undefined) return;
    try {
      if ((await person.client().unsent(place.id)).length > UNSENT_MAX) continue;
      const text = `${places.indexOf(place)} ${person.name} ${number}`;
      const line = { text, author: person.name, isSure: false, isForgotten: false };
      place.written.push(line);
      await person.client().sendText(place.id, text);
      place.times.set(text, performance.now());
      line.isSure = true;
    } catch (error) {
      if (!isOver(error)) throw error;
    }
  }
}

/** Has everybody all that was written before a time, and something of everybody from after it? */
function isCaughtUp(place: Place, time: number): boolean {
  return isWholeUntil(place, time) && place.members.every((author) => isHeard(place, author, time));
}

function isWholeUntil(place: Place, time: number): boolean {
  return [...place.times].every(([text, at]) => at > time || isTaken(place, text));
}

function isHeard(place: Place, author: Person, time: number): boolean {
  return place.written.some(
    ({ text, author: name }) =>
      name === author.name && (place.times.get(text) ?? 0) > time && isTaken(place, text),
  );
}

function isTaken({ members }: Place, text: string): boolean {
  const [, author] = text.split(' ');
  return members.every(({ name, taken }) => name === author || taken.has(text));
}
