/**
 * Whom the sockets of this node watch, and what they were told (`watch` and `presence` frames).
 *
 * A signal only says about whom to look again; how they are is read from the database, in one statement for all who
 * are in doubt, four times a second at most. So a lost signal costs time: everybody watched is looked at again within
 * half a minute, and who may watch whom within five. A socket that watches nobody costs nothing here.
 */
import type { Presence, UserId } from '@sotto/api';
import type { Closable } from '@sotto/runtime';
import type { ConnectionDatabase } from './connection-store.ts';
import type { Events } from './events.ts';
import type { Attendee } from './hub.ts';
import {
  GONE_GRACE_MS,
  LOOK_AGAIN_MS,
  LOOK_MS,
  LOOK_RETRY_MS,
  LOOKS_PER_STATEMENT,
  SIGHTS_AGAIN_MS,
  SIGHTS_PAUSE_MS,
  SIGHTS_PER_ROUND,
  TICK_MS,
} from './limits.ts';
import { findPresences, findSights } from './presence-store.ts';

/** Somebody who is watched. */
interface Watched {
  readonly user: UserId;
  /** As it was found last; undefined before that. */
  presence: Presence | undefined;
  /** Since when somebody who was online is not found any more, as `performance.now()`. */
  goneSince: number | undefined;
  /** What each was told: undefined while it may not see, null while it may and has not been told yet. */
  readonly watchers: Map<Watcher, Presence | null | undefined>;
}

/** A socket that watches. */
interface Watcher {
  readonly attendee: Attendee;
  /** When it was last found out whom it may see, as `performance.now()`. */
  askedAt: number;
  readonly watched: readonly Watched[];
}

interface Pair {
  readonly watcher: Watcher;
  readonly watched: Watched;
}

export interface WatchesDeps {
  database: ConnectionDatabase;
  events: Pick<Events, 'presenceFailed'>;
}

/** Ticks from the start. Close it. */
export class Watches implements Closable {
  readonly #deps: WatchesDeps;
  readonly #watched = new Map<UserId, Watched>();
  readonly #watchers = new Map<Attendee, Watcher>();
  /** Of these it is to be found out whom they may see, */
  readonly #unsure = new Set<Watcher>();
  /** of these by whom they may be seen, */
  readonly #changed = new Set<Watched>();
  /** and of these how they are. */
  readonly #doubtful = new Set<Watched>();
  readonly #gone = new Set<Watched>();
  readonly #ticker: NodeJS.Timeout;
  #nextWatched: Iterator<Watched> | undefined;
  #nextWatchers: Iterator<Watcher> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #working: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(deps: WatchesDeps) {
    this.#deps = deps;
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Tells a socket of these users from now on, and of nobody else. */
  watch(attendee: Attendee, users: readonly UserId[]): void {
    const before = this.#watchers.get(attendee);
    const watcher: Watcher = {
      attendee,
      askedAt: before?.askedAt ?? Number.NEGATIVE_INFINITY,
      watched: [...new Set(users)].map((user) => this.#watchedOf(user)),
    };
    for (const watched of watcher.watched) {
      // It is told anew, a copy being another presence, or that it may not see any more.
      const told = before && watched.watchers.get(before);
      watched.watchers.set(watcher, told && { ...told });
    }
    if (before !== undefined) this.#drop(before);
    if (watcher.watched.length === 0) {
      this.#watchers.delete(attendee);
      return;
    }
    this.#watchers.set(attendee, watcher);
    this.#unsure.add(watcher);
    this.#schedule();
  }

  /** A socket has ended. */
  leave(attendee: Attendee): void {
    const watcher = this.#watchers.get(attendee);
    if (watcher === undefined) return;
    this.#watchers.delete(attendee);
    this.#drop(watcher);
  }

  /** Some may have come or gone. */
  look(users: Iterable<UserId>): void {
    for (const user of users) {
      const watched = this.#watched.get(user);
      if (watched !== undefined) this.#doubtful.add(watched);
    }
    this.#schedule();
  }

  /** Anybody may have come or gone. */
  lookAtAll(): void {
    for (const watched of this.#watched.values()) this.#doubtful.add(watched);
    this.#schedule();
  }

  /** Some may be seen by others than before, or see others; `seers` are the sockets of theirs that are here. */
  reconsider(users: Iterable<UserId>, seers: Iterable<Attendee>): void {
    for (const user of users) {
      const watched = this.#watched.get(user);
      if (watched !== undefined) this.#changed.add(watched);
    }
    for (const attendee of seers) {
      const watcher = this.#watchers.get(attendee);
      if (watcher !== undefined) this.#unsure.add(watcher);
    }
    this.#schedule();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#ticker);
    clearTimeout(this.#timer);
    await this.#working;
  }

  #watchedOf(user: UserId): Watched {
    let watched = this.#watched.get(user);
    if (watched === undefined) {
      watched = { user, presence: undefined, goneSince: undefined, watchers: new Map() };
      this.#watched.set(user, watched);
    }
    return watched;
  }

  #drop(watcher: Watcher): void {
    this.#unsure.delete(watcher);
    for (const watched of watcher.watched) {
      watched.watchers.delete(watcher);
      if (watched.watchers.size > 0) continue;
      this.#watched.delete(watched.user);
      for (const set of [this.#changed, this.#doubtful, this.#gone]) set.delete(watched);
    }
  }

  /** Each second those who may have gone for good, and a share of all. */
  #tick(): void {
    const now = performance.now();
    for (const watched of this.#gone) {
      if (now - (watched.goneSince ?? now) >= GONE_GRACE_MS) this.#doubtful.add(watched);
    }
    const looks = Math.ceil((this.#watched.size * TICK_MS) / LOOK_AGAIN_MS);
    for (let count = 0; count < looks; count += 1) {
      this.#nextWatched ??= this.#watched.values();
      const { value, done } = this.#nextWatched.next();
      if (done) this.#nextWatched = undefined;
      else this.#doubtful.add(value);
    }
    const sights = Math.ceil((this.#watchers.size * TICK_MS) / SIGHTS_AGAIN_MS);
    for (let count = 0; count < sights; count += 1) {
      this.#nextWatchers ??= this.#watchers.values();
      const { value, done } = this.#nextWatchers.next();
      if (done) this.#nextWatchers = undefined;
      else this.#unsure.add(value);
    }
    this.#schedule();
  }

  #hasWork(): boolean {
    return this.#unsure.size > 0 || this.#changed.size > 0 || this.#doubtful.size > 0;
  }

  #schedule(afterMs = LOOK_MS): void {
    if (this.#isClosed || !this.#hasWork()) return;
    this.#timer ??= setTimeout(() => {
      this.#working = this.#work();
    }, afterMs);
  }

  /** Never rejects. One statement at a time, for as long as there is something to ask. */
  async #work(): Promise<void> {
    const unsure = this.#takePairs();
    let pauseMs = unsure.length < SIGHTS_PER_ROUND ? LOOK_MS : 0;
    const doubtful = new Set(this.#doubtful);
    this.#doubtful.clear();
    try {
      for (const page of pagesOf(unsure)) await this.#findSights(page);
      // Those who were just found to be seen are among them.
      for (const watched of this.#doubtful) doubtful.add(watched);
      this.#doubtful.clear();
      for (const page of pagesOf([...doubtful])) await this.#findPresences(page);
    } catch (error) {
      // Everything again: nobody is told twice of the same.
      for (const { watched } of unsure) this.#changed.add(watched);
      for (const watched of doubtful) this.#doubtful.add(watched);
      this.#deps.events.presenceFailed(error);
      pauseMs = LOOK_RETRY_MS;
    }
    this.#timer = undefined;
    this.#schedule(pauseMs);
  }

  /** As many as one round asks about, so that news of others need not wait until all sockets of a node are seen to. */
  #takePairs(): Pair[] {
    const pairs: Pair[] = [];
    const now = performance.now();
    for (const watched of this.#changed) {
      if (pairs.length >= SIGHTS_PER_ROUND) return pairs;
      this.#changed.delete(watched);
      for (const watcher of watched.watchers.keys()) pairs.push({ watcher, watched });
    }
    for (const watcher of this.#unsure) {
      if (pairs.length >= SIGHTS_PER_ROUND) return pairs;
      if (now - watcher.askedAt < SIGHTS_PAUSE_MS) continue;
      watcher.askedAt = now;
      this.#unsure.delete(watcher);
      for (const watched of watcher.watched) pairs.push({ watcher, watched });
    }
    return pairs;
  }

  async #findSights(pairs: readonly Pair[]): Promise<void> {
    const sights = pairs.map(({ watcher, watched }) => {
      return { viewer: watcher.attendee.user, other: watched.user };
    });
    const seen = await findSights(this.#deps.database, sights);
    pairs.forEach(({ watcher, watched }, place) => {
      // It may have stopped to watch meanwhile.
      if (!watched.watchers.has(watcher)) return;
      const told = watched.watchers.get(watcher);
      if (seen.has(place)) {
        if (told === undefined) watched.watchers.set(watcher, null);
        if (told === undefined || told !== watched.presence) this.#doubtful.add(watched);
      } else if (told !== undefined) {
        watched.watchers.set(watcher, undefined);
        if (told?.online) tell(watcher, watched.user, { online: false });
      }
    });
  }

  async #findPresences(page: readonly Watched[]): Promise<void> {
    const asked = page.filter(({ watchers }) => isSeen(watchers));
    if (asked.length === 0) return;
    const found = await findPresences(
      this.#deps.database,
      asked.map(({ user }) => user),
    );
    for (const watched of asked) {
      const presence = found.get(watched.user);
      if (presence !== undefined) this.#settle(watched, presence);
    }
  }

  #settle(watched: Watched, presence: Presence): void {
    if (watched.watchers.size === 0) return;
    const before = watched.presence;
    if (before?.online && !presence.online) {
      watched.goneSince ??= performance.now();
      if (performance.now() - watched.goneSince < GONE_GRACE_MS) {
        this.#gone.add(watched);
        return;
      }
    }
    watched.goneSince = undefined;
    this.#gone.delete(watched);
    if (before?.online !== presence.online || before.lastSeen !== presence.lastSeen) {
      watched.presence = presence;
    }
    tellAll(watched);
  }
}

/** Whether anybody may see. */
function isSeen(watchers: Watched['watchers']): boolean {
  for (const told of watchers.values()) if (told !== undefined) return true;
  return false;
}

/** Tells those who may see and have heard something else, or nothing. */
function tellAll({ user, presence, watchers }: Watched): void {
  if (presence === undefined) return;
  for (const [watcher, told] of watchers) {
    if (told === undefined || told === presence) continue;
    watchers.set(watcher, presence);
    tell(watcher, user, presence);
  }
}

function tell({ attendee }: Watcher, user: UserId, presence: Presence): void {
  attendee.tell({ type: 'presence', user, ...presence });
}

function* pagesOf<T>(things: readonly T[]): Generator<T[]> {
  for (let start = 0; start < things.length; start += LOOKS_PER_STATEMENT) {
    yield things.slice(start, start + LOOKS_PER_STATEMENT);
  }
}
