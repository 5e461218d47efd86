/**
 * The bus as services see it: durable events, the fan-out log, and signals that nobody misses when they are lost.
 *
 * Two adapters keep this contract, `bus-memory.ts` and `bus-nats.ts`; `bus.contract.ts` holds both to it.
 */

/** Takes one message. Durable delivery repeats it, after a pause, until the handler resolves. */
export type BusHandler = (data: Uint8Array, subject: string) => Promise<void>;

export interface Closable {
  close(): Promise<void>;
}

/** How full a log is that refuses messages when it is full. */
export interface LogLevel {
  log: 'events' | 'audit';
  /** That some group has yet to take; those that all have taken leave now and then. */
  messages: number;
  /** It takes no more than these. */
  max: number;
}

/** What a follower of the log is told. */
export interface Follower {
  /** The next message, in order of publication. Awaited before the one after it is read. */
  onMessage(data: Uint8Array): Promise<void>;
  /**
   * Messages may have been missed: the log was wiped, made anew, or the follower fell behind it. Reading goes on
   * from the log's end; whoever follows catches up from the database.
   */
  onGap(): void;
}

export interface Bus {
  /**
   * Appends to a log and resolves when the log has it. Publishing the same `id` twice within the log's window
   * (two minutes) keeps one. Rejects when the bus is out of reach: keep the message and publish again.
   */
  publish(subject: string, data: Uint8Array, id: string): Promise<void>;
  /**
   * Delivers each message of `subject`, old and new, at least once to the group of consumers called `name`. Old ones
   * are those that not all the groups the bus was told of had taken.
   * One message at a time and in order, as long as handlers succeed.
   */
  consume(name: string, subject: string, handler: BusHandler): Promise<Closable>;
  /** Reads the log of `subject` from its end on, everything that others publish from then. */
  follow(subject: string, follower: Follower): Promise<Closable>;
  /** Sends to whoever listens at this moment; at most once. Never throws: what cannot be sent is lost. */
  signal(subject: string, data: Uint8Array): void;
  /** Hears signals. `subject` may end in `.*`. */
  listen(subject: string, handler: (data: Uint8Array, subject: string) => void): Promise<Closable>;
  /** How full the logs are that refuse when they are full; one that nobody has used yet may be left out. */
  levels(): Promise<LogLevel[]>;
  /** Resolves when the bus answers; rejects when it does not within a second. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
