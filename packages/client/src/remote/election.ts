/**
 * Who of those that share a store runs the client (ADR 13): whoever gets the store. All others follow, and the first of
 * them that gets it takes over when it is free.
 */
import type { Client } from '../client-interface.ts';
import { ClientError } from '../errors.ts';
import { Source } from '../state/observable.ts';
import type { Store } from '../store/store.ts';
import { answersOf } from './answers.ts';
import { followHolder } from './follower.ts';
import { type Holder, unlessSilent } from './holder.ts';
import { comeIn, type Knowledge, openDoors } from './introduction.ts';
import { FOLLOWERS_MAX, MEETING_OPEN_MS_MAX, NOBODY_MS_MAX } from './limits.ts';
import type { Line } from './line.ts';
import type { Meeting } from './meeting.ts';
import { asAgain, isPatient, mayAskAgain } from './repetition.ts';
import { openFollowing } from './serve.ts';
import { createSharing } from './sharing.ts';
import { type Ask, LostAnswer, openWire, silentError } from './wire.ts';

/** What those that share a store bring along. */
export interface ElectionOptions {
  readonly meeting: Meeting;
  /** Makes the client of a store, when it is to run here. */
  readonly create: (store: Store) => Client;
  readonly knowledge: Knowledge;
}

/**
 * The client of a store that others may share, wherever it runs. Rejects as opening the store does, and with `store.locked`
 * when too many share it, another release has it, or whoever has it shares it with nobody; with `client.silent` when who has it
 * was stopped.
 */
export async function openElected(options: ElectionOptions): Promise<Client> {
  const election = new Election(options);
  const { promise: late, reject } = Promise.withResolvers<never>();
  const nobody = new ClientError('store.locked', 'who has the store shares it with nobody');
  const refuse = () => reject(election.silent.get() ? silentError() : nobody);
  const timer = setTimeout(refuse, MEETING_OPEN_MS_MAX);
  try {
    await Promise.race([election.opened, late]);
  } catch (error) {
    await election.close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  return followHolder(election);
}

/** Whoever answers now: this one, or the one that it follows. */
interface Answering {
  readonly ask: Ask;
  /** Aborted when it is somebody else. */
  readonly over: AbortSignal;
  end(): Promise<void>;
}

class Election implements Holder {
  /** Resolves when somebody answers for the first time. */
  readonly opened: Promise<unknown>;
  readonly silent = new Source(false);
  readonly #options: ElectionOptions;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  #next = Promise.withResolvers<Answering>();
  #answering: Answering | undefined;
  #late: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ElectionOptions) {
    this.#options = options;
    this.opened = this.#next.promise;
    this.#running = this.#run();
  }

  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  readonly ask: Ask = async (name, args, signal) => {
    for (let isAgain = false; ; isAgain = true) {
      const { promise: next } = this.#next;
      const { ask } = await (isPatient(name) ? next : unlessSilent(next, this.silent));
      try {
        return await ask(name, isAgain ? asAgain(name, args) : args, signal);
      } catch (error) {
        const isLost = error instanceof LostAnswer && !this.closed.aborted;
        if (!isLost || !mayAskAgain(name, args)) throw error;
      }
    }
  };

  async close(): Promise<void> {
    this.#stop(new LostAnswer());
    await this.#answering?.end();
    await this.#options.meeting.leave();
    await this.#running;
  }

  /** Whoever waits for somebody to answer is told why nobody will. */
  #stop(reason: unknown): void {
    this.#closing.abort();
    clearTimeout(this.#late);
    this.#next.promise.catch(() => {}); // There may be nobody who waits.
    this.#next.reject(reason);
  }

  async #run(): Promise<void> {
    try {
      while (!this.closed.aborted) await this.#takeTurn();
    } catch (error) {
      this.#stop(error);
      await this.#options.meeting.leave();
    }
  }

  /** Runs the client, or follows who does, until that is over. */
  async #takeTurn(): Promise<void> {
    const { meeting } = this.#options;
    const store = await meeting.open();
    const answering = store === undefined ? await this.#follow() : await this.#hold(store);
    if (this.closed.aborted) return answering?.end();
    if (answering === undefined) return meeting.pause();
    this.#answering = answering;
    clearTimeout(this.#late);
    this.silent.set(false);
    this.#next.resolve(answering);
    await new Promise<void>((resolve) => {
      const end = () => {
        // At once: what is lost is asked again of whoever comes next.
        if (!this.closed.aborted) this.#awaitNext();
        resolve();
      };
      if (answering.over.aborted) end();
      else answering.over.addEventListener('abort', end);
    });
    this.#answering = undefined;
  }

  /** Somebody else will answer. When that takes long, nobody is to wait for it without knowing. */
  #awaitNext(): void {
    this.#next = Promise.withResolvers();
    this.silent.set(false);
    this.#late = setTimeout(() => this.silent.set(true), NOBODY_MS_MAX);
  }

  async #hold(store: Store): Promise<Answering> {
    const { meeting, create, knowledge } = this.#options;
    const client = await createOrClose(store, create);
    const sharing = createSharing(client);
    const doorkeeping = openDoors(knowledge);
    const lines = new Set<Line>();
    const over = new AbortController();
    const answer = (gone: AbortSignal) => answersOf(client, sharing, gone);
    const onLine = (line: Line) => {
      const isFull = lines.size >= FOLLOWERS_MAX;
      // Whoever is not in by then does not come in any more.
      const late = setTimeout(() => line.close(), MEETING_OPEN_MS_MAX);
      const enter = () => {
        clearTimeout(late);
        return answer(line.closed);
      };
      lines.add(line);
      line.closed.addEventListener('abort', () => {
        clearTimeout(late);
        lines.delete(line);
      });
      openWire(line, isFull ? sendAway : doorkeeping(enter));
    };
    const stop = await meeting.host(onLine).catch(async (error) => {
      // Nobody else has the client, and it has the store.
      await client.close();
      throw error;
    });
    return {
      ask: answer(over.signal),
      over: over.signal,
      async end() {
        await stop();
        for (const line of lines) line.close();
        over.abort();
        await client.close();
      },
    };
  }

  async #follow(): Promise<Answering | undefined> {
    const { meeting, knowledge } = this.#options;
    const line = await meeting.join();
    if (line === undefined) return undefined;
    const { ask, closed: over, silent } = openFollowing(line);
    silent.subscribe(() => this.silent.set(silent.get() && !over.aborted));
    try {
      await comeIn(ask, knowledge);
    } catch (error) {
      line.close();
      // Whoever was stopped is asked again: they may go on, or end.
      if (error instanceof LostAnswer || silent.get()) return undefined;
      throw error;
    }
    return { ask, over, end: async () => line.close() };
  }
}

async function createOrClose(store: Store, create: (store: Store) => Client): Promise<Client> {
  try {
    return create(store);
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function sendAway(): Promise<never> {
  throw new ClientError('store.locked', 'too many share the store already');
}
