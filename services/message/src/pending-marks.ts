/** What devices have acknowledged and sent, between being noted and being in the database. */
import type { ConversationId, DeviceId } from '@sotto/api';
import type { Database } from '@sotto/runtime';
import { addSent, type CursorRow, writeCursors } from './cursor-store.ts';
import { CURSORS_PER_STATEMENT } from './limits.ts';
import type { Tables } from './schema.ts';

export interface PendingMarks {
  advance(device: DeviceId, conversation: ConversationId, seq: number): void;
  cursorOf(device: DeviceId, conversation: ConversationId): number | undefined;
  noteSent(device: DeviceId): void;
  /** Whether anything of the device is not in the database, or not known to be. */
  has(device: DeviceId): boolean;
  isEmpty(): boolean;
  forget(device: DeviceId): void;
  /** Writes it all. Not to be called again before it has ended. Rejects when the database does; cursors stay then. */
  write(): Promise<void>;
}

/** Nothing yet. */
export function createPendingMarks(database: Pick<Database<Tables>, 'query'>): PendingMarks {
  const cursors = new Map<DeviceId, Map<ConversationId, CursorRow>>();
  let sent = new Map<DeviceId, number>();
  let leaving: ReadonlyMap<DeviceId, number> = new Map();

  async function writeAllCursors(): Promise<void> {
    const rows = [...cursors.values()].flatMap((ofDevice) => [...ofDevice.values()]);
    for (let start = 0; start < rows.length; start += CURSORS_PER_STATEMENT) {
      await writeCursors(database, rows.slice(start, start + CURSORS_PER_STATEMENT));
    }
    for (const row of rows) {
      const ofDevice = cursors.get(row.device);
      // A newer acknowledgement may have come meanwhile.
      if (ofDevice?.get(row.conversation) === row) ofDevice.delete(row.conversation);
      if (ofDevice?.size === 0) cursors.delete(row.device);
    }
  }

  /** Never twice: a count that is too high would make a device believe that its store is behind. */
  async function writeAllSent(): Promise<void> {
    leaving = sent;
    sent = new Map();
    const counts = [...leaving].map(([device, count]) => ({ device, count }));
    try {
      for (let start = 0; start < counts.length; start += CURSORS_PER_STATEMENT) {
        await addSent(database, counts.slice(start, start + CURSORS_PER_STATEMENT));
      }
    } finally {
      leaving = new Map();
    }
  }

  return {
    advance(device, conversation, seq) {
      const ofDevice = cursors.get(device) ?? new Map<ConversationId, CursorRow>();
      const known = ofDevice.get(conversation);
      if (known !== undefined && known.seq >= seq) return;
      cursors.set(device, ofDevice.set(conversation, { device, conversation, seq }));
    },
    cursorOf: (device, conversation) => cursors.get(device)?.get(conversation)?.seq,
    noteSent(device) {
      sent.set(device, (sent.get(device) ?? 0) + 1);
    },
    has: (device) => cursors.has(device) || sent.has(device) || leaving.has(device),
    isEmpty: () => cursors.size === 0 && sent.size === 0,
    forget(device) {
      sent.delete(device);
      cursors.delete(device);
    },
    async write() {
      await writeAllCursors();
      await writeAllSent();
    },
  };
}
