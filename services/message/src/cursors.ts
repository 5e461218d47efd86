/**
 * How far each device has acknowledged each conversation (DESIGN 2.7), and how many messages of it are stored.
 *
 * Both are kept in memory and written once per second, in one statement each, and before the device is greeted: what it
 * hears of itself then must not be behind. A crash forgets a second's worth at most: the device gets it again, and its
 * count stays that much too low.
 */
import type { ConversationId, DeviceId } from '@sotto/api';
import type { Database, Logger } from '@sotto/runtime';
import { addSent, type CursorRow, writeCursors } from './cursor-store.ts';
import { CURSORS_FLUSH_MS, CURSORS_PER_STATEMENT } from './limits.ts';
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
  const pending = new Map<DeviceId, Map<ConversationId, CursorRow>>();
  let sent = new Map<DeviceId, number>();
  /** Devices of which something came since the last write began. */
  let noted = new Set<DeviceId>();
  let beingWritten: ReadonlySet<DeviceId> = new Set();
  let writing: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  let failing = false;

  async function write(): Promise<void> {
    beingWritten = noted;
    noted = new Set();
    try {
      await writePending();
    } catch (error) {
      noted = noted.union(beingWritten);
      throw error;
    } finally {
      beingWritten = new Set();
    }
  }

  async function writePending(): Promise<void> {
    const rows = [...pending.values()].flatMap((ofDevice) => [...ofDevice.values()]);
    for (let start = 0; start < rows.length; start += CURSORS_PER_STATEMENT) {
      await writeCursors(database, rows.slice(start, start + CURSORS_PER_STATEMENT));
    }
    for (const row of rows) {
      const ofDevice = pending.get(row.device);
      // A newer acknowledgement may have come meanwhile.
      if (ofDevice?.get(row.conversation) === row) ofDevice.delete(row.conversation);
      if (ofDevice?.size === 0) pending.delete(row.device);
    }
    await writeSent();
  }

  /** Never twice: a count that is too high would make a device believe that its store is behind. */
  async function writeSent(): Promise<void> {
    const counts = [...sent].map(([device, count]) => ({ device, count }));
    sent = new Map();
    for (let start = 0; start < counts.length; start += CURSORS_PER_STATEMENT) {
      await addSent(database, counts.slice(start, start + CURSORS_PER_STATEMENT));
    }
  }

  function flush(): Promise<void> {
    // One after the other: two at once would write the same rows. One that has not begun serves all who ask meanwhile.
    next ??= writing
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return write();
      });
    writing = next;
    return next;
  }

  const timer = setInterval(() => {
    if (pending.size === 0 && sent.size === 0) return;
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
    advance(device, conversation, seq) {
      const ofDevice = pending.get(device) ?? new Map<ConversationId, CursorRow>();
      const known = ofDevice.get(conversation);
      if (known !== undefined && known.seq >= seq) return;
      pending.set(device, ofDevice.set(conversation, { device, conversation, seq }));
      noted.add(device);
    },
    pending: (device, conversation) => pending.get(device)?.get(conversation)?.seq,
    noteSent(device) {
      sent.set(device, (sent.get(device) ?? 0) + 1);
      noted.add(device);
    },
    async settle(device) {
      if (noted.has(device)) await flush();
      else if (beingWritten.has(device)) await writing;
    },
    async forget(device) {
      sent.delete(device);
      pending.delete(device);
      await writing.catch(() => undefined);
    },
    flush,
    async close() {
      clearInterval(timer);
      await flush();
    },
  };
}
