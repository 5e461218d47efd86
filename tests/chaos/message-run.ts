/**
 * The loss checker: clients that write and read through a platform of real processes, while these are killed, paused, cut
 * off and wiped. At the end every acknowledged letter must have reached everybody, once, in one order.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../daemon.ts';
import { type Chance, createChance } from './chance.ts';
import { Correspondent, type Counts } from './correspondent.ts';
import { type Fault, planFaults } from './fault.ts';
import { type Audience, Receipts, type Verdict } from './receipts.ts';
import { type Watch, watchRecovery } from './recovery.ts';
import type { Resident } from './residents.ts';
import { ask } from './rest.ts';
import { bitsOf, compose, type Room } from './room.ts';
import { foundGroup, type Secretary } from './secretary.ts';
import { openTown, type Town } from './town.ts';

export interface MessageRunOptions {
  seed: number;
  /** At least. */
  messages: number;
  faults: number;
  /** How long it should take: letters and faults are spread over it. */
  minutes: number;
  natsServers: number;
  /** The longest of all faults but a few. */
  holdMaxMs: number;
  /** Those that there are; all, when left out. */
  strikes?: readonly string[] | undefined;
  /** Hears of each fault. */
  onFault?: (outcome: FaultOutcome, done: number) => void;
}

export interface FaultOutcome extends Fault {
  /** By device, from the fault's end until it writes and reads again. */
  recoveryMs: number[];
}

export interface MessageReport {
  verdict: Verdict;
  faults: FaultOutcome[];
  counts: Counts;
  /** Changes of who is in a group. */
  changes: number;
  conversations: { direct: number; group: number };
  seconds: number;
  postgresVersion: string;
}

const USERS = 16;
const DEVICES = 20;
/** Letters of one device without an answer: what a person's device may have after some time without a network. */
const WINDOW = 8;
const TICK_MS = 20;
const RECOVERY_MS = 30_000;
const CHANGE_EVERY_MS = 1_500;
/** Letters that a pause of the platform leaves to be caught up with, in seconds of the usual pace. */
const BACKLOG_SECONDS = 10;
/** How much of the time is left for letters when faults have taken theirs. */
const WORKING_SHARE = 0.7;
const SETTLE_MS = 60_000;

/** Runs it; the figures are for the caller to judge. Rejects when the platform does not start, or start again. */
export async function runMessages(options: MessageRunOptions): Promise<MessageReport> {
  const town = await openTown({ users: USERS, devices: DEVICES, natsServers: options.natsServers });
  const run = new Run(town, options);
  try {
    return await run.run();
  } finally {
    await run.close();
    await town.close();
  }
}

class Run {
  readonly #town: Town;
  readonly #options: MessageRunOptions;
  readonly #chance: Chance;
  readonly #receipts = new Receipts();
  readonly #counts: Counts = { connects: 0, refusals: {}, closes: {}, lookups: 0 };
  readonly #rooms = new Map<string, Room>();
  readonly #correspondents: Correspondent[] = [];
  #secretaries: Secretary[] = [];
  #written = 0;
  #stored = 0;
  #isOver = false;
  #watch: Watch | undefined;

  constructor(town: Town, options: MessageRunOptions) {
    this.#town = town;
    this.#options = options;
    this.#chance = createChance(options.seed);
  }

  async run(): Promise<MessageReport> {
    const startedAt = performance.now();
    await this.#openRooms();
    this.#connect();
    const writing = this.#write();
    const changing = Promise.all(this.#secretaries.map((secretary) => this.#change(secretary)));
    const faults = await this.#strike();
    await waitFor(async () => this.#stored >= this.#options.messages, this.#patienceMs);
    this.#isOver = true;
    await Promise.all([writing, changing]);
    const audiences = await this.#settle();
    const kinds = Map.groupBy(this.#rooms.values(), ({ kind }) => kind);
    return {
      verdict: this.#receipts.judge(audiences),
      faults,
      counts: this.#counts,
      changes: this.#secretaries.reduce((sum, { changes }) => sum + changes.length, 0),
      conversations: {
        direct: kinds.get('direct')?.length ?? 0,
        group: kinds.get('group')?.length ?? 0,
      },
      seconds: Math.round((performance.now() - startedAt) / 1000),
      postgresVersion: this.#town.postgresVersion,
    };
  }

  async close(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#correspondents.map((correspondent) => correspondent.close()));
  }

  /** Twice the time that was planned, and a minute. */
  get #patienceMs(): number {
    return this.#options.minutes * 120_000 + 60_000;
  }

  /** Everybody talks to the next and to the fifth one after; groups are of four to twelve. */
  async #openRooms(): Promise<void> {
    const { residents, origin } = this.#town;
    const { all } = residents;
    const at = (place: number): Resident => all[place % all.length] as Resident;
    const pairs = all.flatMap((one, place) => [
      [one, at(place + 1)] as const,
      ...(place % 2 === 0 ? [[one, at(place + 5)] as const] : []),
    ]);
    for (const [one, other] of pairs) {
      const { status, answer } = await ask<{ id: string }>(origin, '/api/v1/conversations', {
        token: residents.tokenFor(one.devices[0]?.index ?? 0),
        method: 'POST',
        body: { kind: 'direct', with: other.user },
      });
      if (status !== 200) throw new Error(`no conversation: ${JSON.stringify(answer)}`);
      const index = this.#rooms.size;
      this.#rooms.set(answer.id, { index, id: answer.id, kind: 'direct', members: [one, other] });
    }
    for (const [place, size] of [4, 5, 6, 8, 10, 12].entries()) {
      const admin = at(place * 2);
      const members = Array.from({ length: size }, (_, offset) => at(place * 2 + offset));
      const index = this.#rooms.size;
      const secretary = await foundGroup(
        {
          ...{ origin, admin, residents: all },
          token: () => residents.tokenFor(admin.devices[0]?.index ?? 0),
        },
        { index, id: groupId(this.#chance), members },
      );
      this.#secretaries.push(secretary);
      this.#rooms.set(secretary.room.id, secretary.room);
    }
  }

  #connect(): void {
    const { residents, origin } = this.#town;
    for (const { resident, device } of residents.devices) {
      this.#correspondents.push(
        new Correspondent({
          ...{ index: device.index, user: resident.user, origin },
          token: () => residents.tokenFor(device.index),
          rooms: this.#rooms,
          receipts: this.#receipts,
          counts: this.#counts,
          onStored: (index, number) => {
            this.#stored += 1;
            this.#watch?.onStored(index, number);
          },
          onGiven: (index, number) => this.#watch?.onGiven(index, number),
        }),
      );
    }
  }

  /** Gives everybody letters to write, at a pace that takes the planned time, and no more than they get rid of. */
  async #write(): Promise<void> {
    const { messages, minutes } = this.#options;
    const pace = messages / (minutes * 60 * WORKING_SHARE);
    let budget = 0;
    let last = performance.now();
    while (!this.#isOver) {
      await sleep(TICK_MS);
      const now = performance.now();
      budget = Math.min(budget + ((now - last) / 1000) * pace, pace * BACKLOG_SECONDS);
      last = now;
      for (const correspondent of this.#correspondents) correspondent.tick();
      this.#watch?.tick();
      const ready = this.#chance
        .shuffle(this.#correspondents)
        .filter(({ outstanding }) => outstanding < WINDOW);
      while (budget >= 1 && ready.length > 0) {
        const correspondent = ready.shift();
        if (correspondent === undefined) break;
        budget -= 1;
        this.#writeLetter(correspondent);
        if (correspondent.outstanding < WINDOW) ready.push(correspondent);
      }
    }
  }

  #writeLetter(correspondent: Correspondent): void {
    const { index } = correspondent;
    const { resident } = this.#town.residents.devices[index] ?? {};
    const rooms = [...this.#rooms.values()].filter(
      (room) => room.members.some((member) => member === resident) && correspondent.mayWrite(room),
    );
    const room = this.#chance.pick(rooms);
    this.#written += 1;
    const letter = { sender: index, conversation: room.index, number: this.#written };
    correspondent.write(room, compose(room, letter));
  }

  async #change(secretary: Secretary): Promise<void> {
    while (!this.#isOver) {
      await sleep(CHANGE_EVERY_MS + this.#chance.below(CHANGE_EVERY_MS));
      if (this.#isOver) return;
      await secretary.change(this.#chance, ({ devices }, seq) =>
        devices.every(({ index }) => this.#reached(index, secretary.room) >= seq),
      );
    }
  }

  #reached(index: number, room: Room): number {
    return this.#correspondents[index]?.reached(room) ?? 0;
  }

  /** One fault after the other, each when all have recovered from the one before, or have had the time to. */
  async #strike(): Promise<FaultOutcome[]> {
    const { faults, minutes, onFault, strikes, holdMaxMs } = this.#options;
    const { all, started } = this.#town.strikes;
    const plan = planFaults(this.#chance, strikes ?? [...all.keys()], { count: faults, holdMaxMs });
    const everyMs = (minutes * 60_000) / (faults + 1);
    const begunAt = performance.now();
    const outcomes: FaultOutcome[] = [];
    for (const [place, fault] of plan.entries()) {
      const dueMs = begunAt + everyMs * place + everyMs / 2 - performance.now();
      if (dueMs > 0) await sleep(dueMs);
      const strike = all.get(fault.name);
      if (strike === undefined) throw new RangeError(`there is no fault called ${fault.name}`);
      await strike(fault.holdMs);
      this.#watch = this.#watchRecovery();
      const [{ times }] = await Promise.all([this.#watch.done, started()]);
      const outcome = { ...fault, recoveryMs: times };
      outcomes.push(outcome);
      onFault?.(outcome, outcomes.length);
    }
    return outcomes;
  }

  #watchRecovery(): Watch {
    const places = [...this.#rooms.values()].map((room) => {
      return { room, highest: this.#receipts.highest(room.index) };
    });
    return watchRecovery({
      devices: DEVICES,
      newest: this.#written,
      withinMs: RECOVERY_MS,
      hasAll: (index) => {
        const resident = this.#town.residents.devices[index]?.resident;
        return places.every(({ room, highest }) => {
          const isMember = room.members.some((member) => member === resident);
          return !isMember || this.#reached(index, room) >= highest;
        });
      },
    });
  }

  /**
   * Waits until everybody has sent and read everything; whoever does not come to it by itself connects once more. First of
   * all it is heard who is in each group: the last change may have been made without its answer coming through.
   */
  async #settle(): Promise<Audience[]> {
    await Promise.all(this.#secretaries.map(({ readOn }) => readOn()));
    const ticking = setInterval(() => {
      for (const correspondent of this.#correspondents) correspondent.tick();
    }, TICK_MS);
    try {
      const isSent = async (): Promise<boolean> =>
        this.#correspondents.every(({ outstanding }) => outstanding === 0);
      await waitFor(isSent, SETTLE_MS).catch(() =>
        this.#receipts.blame('lost', 'letters are still waiting to be stored'),
      );
      const audiences = await Promise.all(
        [...this.#rooms.values()].map((room) => this.#audience(room)),
      );
      const hasAll = async (): Promise<boolean> =>
        audiences.every((audience) => this.#lacking(audience).length === 0);
      await waitFor(hasAll, SETTLE_MS / 2).catch(async () => {
        for (const audience of audiences) {
          for (const what of this.#lacking(audience)) this.#receipts.blame('unaccounted', what);
        }
        for (const correspondent of this.#correspondents) correspondent.connect();
        await waitFor(hasAll, SETTLE_MS / 2).catch(() => undefined);
      });
      return audiences;
    } finally {
      clearInterval(ticking);
    }
  }

  /** Who may read what, and how far it goes, by what the platform says at the end. */
  async #audience(room: Room): Promise<Audience> {
    const { origin, residents } = this.#town;
    const secretary = this.#secretaries.find((one) => one.room === room);
    const token = residents.tokenFor(room.members[0]?.devices[0]?.index ?? 0);
    const path = `/api/v1/conversations/${room.id}`;
    const { answer } = await ask<{ last: number }>(origin, path, { token });
    const devices = room.members.flatMap((member) => member.devices);
    return {
      conversation: room.index,
      readers: secretary === undefined ? bitsOf(devices) : 0,
      changes: secretary?.changes ?? [],
      last: answer.last,
    };
  }

  /** Which devices have not come to the last place that they may read. */
  #lacking({ conversation, last }: Audience): string[] {
    const room = [...this.#rooms.values()].find(({ index }) => index === conversation);
    const secretary = this.#secretaries.find((one) => one.room === room);
    if (room === undefined) return [];
    return this.#town.residents.devices.flatMap(({ resident, device }) => {
      const until = room.members.includes(resident)
        ? last
        : (secretary?.lastPlaceOf(resident.user) ?? 0);
      const reached = this.#reached(device.index, room);
      return reached >= until
        ? []
        : [`${device.index} was at ${conversation}:${reached} of ${until} half a minute later`];
    });
  }
}

function groupId(chance: Chance): string {
  const digits = Array.from({ length: 18 }, () => chance.below(16).toString(16)).join('');
  const time = Date.now().toString(16).padStart(12, '0');
  const [a, b, c] = [digits.slice(0, 3), digits.slice(3, 6), digits.slice(6)];
  return `${time.slice(0, 8)}-${time.slice(8)}-7${a}-8${b}-${c}`;
}
