/**
 * How far each device has acknowledged each conversation (DESIGN 2.7), and how many messages of it are stored.
 *
 * Both are kept in memory and written once per second, in one statement each, and before the device is greeted: what it
 * hears of itself then must not be behind. A crash forgets a second's worth at most: the device gets it again, and its
 * count stays that much too low.
 */
import type { ConversationId, DeviceId } from '@sotto/api';
import type { Database, Logger } from '@sotto/runtime';
import { CURSORS_FLUSH_MS } from './limits.ts';
import { createPendingMarks } from './pending-marks.ts';
import type { Tables } from './schema.ts';

export interface Cursors {
  /** Acknowledges up to a place. An acknowledgement below an earlier one says nothing new. */
  advance(device: DeviceId, conversation: ConversationId, seq: number): void;
  /** The place that this node has yet to write, which is newer than what the database has. */
  pending(device: DeviceId, conversation: ConversationId): number | undefined;
  /** A message of a device was stored. */
  noteSent(device: DeviceId): void;
  /** Drops what is pending of a device; resolves when none of it is being written any more. */
  forget(device: DeviceId): Promise<void>;
  /** Writes what is pending of a device, if anything is; rejects as `flush` does. */
  settle(device: DeviceId): Promise<void>;
  /** Writes what is pending. Rejects when the database does; everything then stays pending. */
  flush(): Promise<void>;
  /** Writes once more, and no more after that. */
  close(): Promise<void>;
}

export interface CursorsDeps {
  database: Pick<Database<Tables>, 'query'>;
  log: Logger;
}

/** Starts writing every second. Close it. */
export function startCursors({ database, log }: CursorsDeps): Cursors {
  const marks = createPendingMarks(database);
  let writing: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  let failing = false;

  function flush(): Promise<void> {
    // One after the other: two at once would write the same rows. One that has not begun serves all who ask meanwhile.
    next ??= writing
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return marks.write();
      });
    writing = next;
    return next;
  }

  const timer = setInterval(() => {
    if (marks.isEmpty()) return;
    flush().then(
      () => {
        failing = false;
      },
      (error) => {
        if (!failing) log.warn('acknowledgements cannot be written', { error });
        failing = true;
      },
    );
  }, CURSORS_FLUSH_MS);

  return {
    advance: marks.advance,
    pending: marks.cursorOf,
    noteSent: marks.noteSent,
    async settle(device) {
      if (marks.has(device)) await flush();
    },
    async forget(device) {
      marks.forget(device);
      await writing.catch(() => undefined);
    },
    flush,
    async close() {
      clearInterval(timer);
      await flush();
    },
  };
}
