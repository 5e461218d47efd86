/**
 * Tabs of one browser that share a store. The browser's locks say who has the store and who is still there; channels
 * that only pages of the origin hear carry the rest: one for all, and one for each that follows.
 */
import * as z from 'zod/mini';
import { pause } from '../connection/back-off.ts';
import { ClientError } from '../errors.ts';
import type { OpenStoreOptions, Store } from '../store/store.ts';
import { channelLine, WELCOME } from './channel-line.ts';
import { MEETING_ANSWER_MS, MEETING_PAUSE_MS } from './limits.ts';
import type { Line } from './line.ts';
import type { Meeting } from './meeting.ts';

/** What is said to all. */
const Said = z.discriminatedUnion('type', [
  /** Somebody has the store from now on. */
  z.object({ type: z.literal('here') }),
  /** Somebody wants to follow, by a channel of this name. */
  z.object({ type: z.literal('join'), id: z.uuid() }),
]);
type Said = z.infer<typeof Said>;

/** What has come of waiting for a store. */
type Outcome = { readonly store: Store } | { readonly error: unknown };

/** Opens the store, or waits for it. */
type OpenStore = (options: OpenStoreOptions) => Promise<Store>;

/** A place among the tabs that share the store of a name. */
export function meetTabs(name: string, openStore: OpenStore): Meeting {
  return new TabMeeting(name, openStore);
}

class TabMeeting implements Meeting {
  readonly #name: string;
  readonly #openStore: OpenStore;
  readonly #all: BroadcastChannel;
  readonly #leaving = new AbortController();
  #onLine: ((line: Line) => void) | undefined;
  #isWaiting = false;
  /** The store that was waited for, until somebody takes it, or why it cannot be had. */
  #outcome: Outcome | undefined;
  /** Aborted when somebody else has the store, or this one may have it. */
  #changed = new AbortController();

  constructor(name: string, openStore: OpenStore) {
    this.#name = `sotto/${name}`;
    this.#openStore = openStore;
    this.#all = new BroadcastChannel(this.#name);
    this.#all.addEventListener('message', ({ data }) => this.#hear(data));
  }

  async open(): Promise<Store | undefined> {
    if (!this.#isWaiting) {
      try {
        return await this.#openStore({});
      } catch (error) {
        if (!(error instanceof ClientError && error.code === 'store.locked')) throw error;
      }
      this.#wait();
    }
    return this.#take();
  }

  async host(onLine: (line: Line) => void): Promise<() => Promise<void>> {
    this.#onLine = onLine;
    this.#say({ type: 'here' });
    return async () => {
      this.#onLine = undefined;
    };
  }

  async join(): Promise<Line | undefined> {
    const changed = AbortSignal.any([this.#changed.signal, this.#leaving.signal]);
    const id = crypto.randomUUID();
    const channel = new BroadcastChannel(`${this.#name}/${id}`);
    const answered = AbortSignal.any([changed, heardFrom(channel)]);
    const line = channelLine(channel);
    // Whoever answers sees by it when this tab is gone.
    await holdLock(lockOf(id), line.closed);
    this.#say({ type: 'join', id });
    await pause(MEETING_ANSWER_MS, answered);
    if (changed.aborted || !answered.aborted) {
      line.close();
      return undefined;
    }
    changed.addEventListener('abort', () => line.close());
    return line;
  }

  async pause(): Promise<void> {
    await pause(MEETING_PAUSE_MS, this.#leaving.signal);
  }

  async leave(): Promise<void> {
    this.#leaving.abort();
    this.#all.close();
    const left = this.#outcome;
    this.#outcome = undefined;
    if (left !== undefined && 'store' in left) await left.store.close();
  }

  #say(said: Said): void {
    if (!this.#leaving.signal.aborted) this.#all.postMessage(said);
  }

  #hear(data: unknown): void {
    const { data: said } = Said.safeParse(data);
    if (said?.type === 'here') this.#change();
    if (said?.type !== 'join' || this.#onLine === undefined) return;
    const channel = new BroadcastChannel(`${this.#name}/${said.id}`);
    const line = channelLine(channel);
    channel.postMessage(WELCOME);
    const { closed: signal } = line;
    // Granted when the tab that has it is gone.
    navigator.locks
      .request(lockOf(said.id), { signal }, () => line.close())
      .catch((error) => {
        if (!signal.aborted) reportError(error);
      });
    this.#onLine(line);
  }

  #take(): Store | undefined {
    const outcome = this.#outcome;
    if (outcome === undefined) return undefined;
    if ('error' in outcome) throw outcome.error;
    this.#outcome = undefined;
    return outcome.store;
  }

  /** Gets in line for the store. */
  #wait(): void {
    this.#isWaiting = true;
    const { signal } = this.#leaving;
    const settle = (outcome: Outcome) => {
      this.#outcome = outcome;
      this.#change();
    };
    this.#openStore({ waitUntil: signal }).then(
      (store) => (signal.aborted ? store.close() : settle({ store })),
      (error) => settle({ error }),
    );
  }

  #change(): void {
    const before = this.#changed;
    this.#changed = new AbortController();
    before.abort();
  }
}

const lockOf = (id: string) => `sotto-line/${id}`;

/** Resolves when this tab has the lock, which it keeps until `ended`. */
function holdLock(name: string, ended: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const hold = () =>
      new Promise<void>((release) => {
        ended.addEventListener('abort', () => release());
        resolve();
      });
    navigator.locks.request(name, hold).catch(reject);
  });
}

/** Aborted at the first message. */
function heardFrom(channel: BroadcastChannel): AbortSignal {
  const heard = new AbortController();
  channel.addEventListener('message', () => heard.abort(), { once: true });
  return heard.signal;
}
