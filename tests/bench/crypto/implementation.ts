/** What the crypto benchmark asks of a library. A library leaves out what it does not have. */

export type Awaitable<T> = T | Promise<T>;

/** Two parties with an established session; `Message` is whatever the library hands over for sending. */
export interface Pair<Message = unknown> {
  aliceSeals(plaintext: Uint8Array): Awaitable<Message>;
  bobOpens(message: Message): Awaitable<Uint8Array>;
  bobSeals(plaintext: Uint8Array): Awaitable<Message>;
  aliceOpens(message: Message): Awaitable<Uint8Array>;
}

/** A sender and one receiver of a group. */
export interface Group<Message = unknown> {
  seal(plaintext: Uint8Array): Awaitable<Message>;
  open(message: Message): Awaitable<Uint8Array>;
}

/** How state is kept between two operations. */
export type Keeping =
  /** Serialised, stored and read again for every operation, as a client that survives a crash must. */
  | 'stored'
  /** In memory, as objects. */
  | 'held';

/** One operation of a primitive; called in a loop. */
export type Primitive = () => Awaitable<unknown>;

export interface Implementation {
  readonly name: string;
  /** Both parties' keys, the bundle with its checks, the first message sealed and opened. */
  setup?(): Awaitable<void>;
  openPair?(keeping: Keeping): Awaitable<Pair>;
  openGroup?(keeping: Keeping): Awaitable<Group>;
  /** Encrypts a file of this many bytes held in memory, in the library's own chunked format. */
  sealFile?(content: Uint8Array): Awaitable<void>;
  /** By case name. */
  primitives?(): Awaitable<{ readonly [name: string]: Primitive }>;
}
