/**
 * COPY of PostgreSQL (protocol 3.0, "COPY Operations") as streams: the driver speaks the messages and has no words for
 * them. One COPY at a time per connection.
 */
import { once } from 'node:events';
import type pg from 'pg';

/** Of the driver's connection, what its types leave out. */
interface CopyMessages {
  sendCopyFromChunk(bytes: Uint8Array): void;
  endCopyFrom(): void;
  sendCopyFail(reason: string): void;
}
type Connection = pg.Connection & CopyMessages;

/** Rows come one by one and small; they go on in pieces of this size. */
const PIECE_BYTES = 256 * 1024;

/** Pieces that wait for their reader before the server is asked to wait. */
const PIECES_WAITING_MAX = 4;

/** What `COPY … TO STDOUT` gives, no faster than it is read. Whoever stops reading early has ended the connection. */
export async function* copyOut(client: pg.Client, statement: string): AsyncGenerator<Uint8Array> {
  const reading = new CopyOut(statement);
  client.query(reading);
  try {
    for (;;) {
      const piece = await reading.next();
      if (piece === undefined) return;
      yield piece;
    }
  } finally {
    if (!reading.isOver) client.connection.stream.destroy();
  }
}

/** Feeds `COPY … FROM STDIN`. Rejects with the server's error, or with the source's, and then nothing was written. */
export async function copyIn(
  client: pg.Client,
  statement: string,
  source: AsyncIterable<Uint8Array>,
): Promise<void> {
  const writing = new CopyIn(statement, source);
  client.query(writing);
  await writing.done;
}

/** What the driver calls as the server's messages arrive. */
class CopyOut implements pg.Submittable {
  readonly #statement: string;
  readonly #pieces: Uint8Array[] = [];
  #gathered = Buffer.allocUnsafe(PIECE_BYTES);
  #length = 0;
  #connection: pg.Connection | undefined;
  #error: Error | undefined;
  #wake: () => void = () => undefined;
  isOver = false;

  constructor(statement: string) {
    this.#statement = statement;
  }

  submit = (connection: pg.Connection): void => {
    this.#connection = connection;
    connection.query(this.#statement);
  };

  handleCopyData({ chunk }: { chunk: Uint8Array }): void {
    // Copied at once: the driver uses its buffer again.
    if (this.#length + chunk.length > PIECE_BYTES) this.#pass();
    if (chunk.length > PIECE_BYTES) this.#pieces.push(Uint8Array.from(chunk));
    else {
      this.#gathered.set(chunk, this.#length);
      this.#length += chunk.length;
    }
    if (this.#pieces.length >= PIECES_WAITING_MAX) this.#connection?.stream.pause();
    if (this.#pieces.length > 0) this.#wake();
  }

  handleCommandComplete(): void {
    this.#pass();
  }

  handleReadyForQuery(): void {
    this.isOver = true;
    this.#wake();
  }

  handleError(error: Error): void {
    this.isOver = true;
    this.#error = error;
    this.#wake();
  }

  #pass(): void {
    if (this.#length > 0) this.#pieces.push(this.#gathered.subarray(0, this.#length));
    this.#gathered = Buffer.allocUnsafe(PIECE_BYTES);
    this.#length = 0;
  }

  /** The next piece; undefined at the end. */
  async next(): Promise<Uint8Array | undefined> {
    while (this.#pieces.length === 0 && !this.isOver) {
      this.#connection?.stream.resume();
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    if (this.#error !== undefined) throw this.#error;
    return this.#pieces.shift();
  }
}

/** The other direction. */
class CopyIn implements pg.Submittable {
  readonly #statement: string;
  readonly #source: AsyncIterable<Uint8Array>;
  readonly #outcome = Promise.withResolvers<void>();
  readonly #ended = new AbortController();
  /** What the source failed with: truer than what the server says of it. */
  #cause: unknown;
  readonly done = this.#outcome.promise;

  constructor(statement: string, source: AsyncIterable<Uint8Array>) {
    this.#statement = statement;
    this.#source = source;
  }

  submit = (connection: pg.Connection): void => connection.query(this.#statement);

  handleCopyInResponse(connection: Connection): void {
    this.#feed(connection).then(
      () => connection.endCopyFrom(),
      (error) => {
        if (this.#ended.signal.aborted) return;
        this.#cause = error;
        connection.sendCopyFail('the source failed');
      },
    );
  }

  async #feed(connection: Connection): Promise<void> {
    const { signal } = this.#ended;
    for await (const piece of this.#source) {
      signal.throwIfAborted();
      connection.sendCopyFromChunk(piece);
      if (connection.stream.writableNeedDrain) await once(connection.stream, 'drain', { signal });
    }
  }

  handleCommandComplete(): void {
    // The row count; the statement is over with the next message.
  }

  handleReadyForQuery(): void {
    this.#outcome.resolve();
  }

  handleError(error: Error): void {
    this.#ended.abort();
    this.#outcome.reject(this.#cause ?? error);
  }
}
