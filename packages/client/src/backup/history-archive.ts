/** The records of a store that leave it in an archive, and their way into another store. */
import { ConversationId } from '@sotto/api';
import * as z from 'zod/mini';
import { Peer } from '../account/records.ts';
import { ClientError } from '../errors.ts';
import { getGroup, LoggedEntry } from '../groups/group-log.ts';
import { LINK_HISTORY_BYTES_MAX, LINK_HISTORY_MS, STORE_PAGE } from '../limits.ts';
import { Annotations } from '../messages/annotations.ts';
import { HistoryItem, Place } from '../messages/history-item.ts';
import { findPlace } from '../messages/message-place.ts';
import { MessageReference } from '../messages/message-reference.ts';
import { keys } from '../store/key-space.ts';
import {
  checkStoreKey,
  type Store,
  type StoreEntry,
  type StoreTransaction,
} from '../store/store.ts';
import { decodeRecord, encodeRecord, putRecord } from '../store/stored-record.ts';
import { type ArchivePurpose, kindOf, kindsFor } from './archive-kinds.ts';

const PEER = 'peer';
const GROUP_ENTRY = 'group-entry';
const MESSAGE = 'message';
const ANNOTATION = 'annotation';
const HOUR_MS = 3_600_000;

/** What an archive asks of a message: a tenth of the work of reading all of it, which is much for a long history. */
const Said = z.object({
  sentAt: z.string(),
  content: z.optional(z.object({ type: z.string(), expiresIn: z.optional(z.int()) })),
});

/** Of the kinds that an archive holds, the records that there is one of. Read together, they fit together. */
export async function readSingles(
  transaction: StoreTransaction,
  purpose: ArchivePurpose,
): Promise<StoreEntry[]> {
  const singles: StoreEntry[] = [];
  for (const key of kindsFor(purpose)) {
    const value = await transaction.get(key);
    if (value !== undefined) singles.push({ key, value });
  }
  return singles;
}

/** All others that an archive holds, page by page: the store may change meanwhile, and each record is as it then is. */
export async function* recordsFor(
  store: Store,
  purpose: ArchivePurpose,
  isWanted: (entry: StoreEntry) => boolean = () => true,
): AsyncGenerator<StoreEntry, void> {
  for (const kind of kindsFor(purpose)) {
    for (let after = `${kind}/`; ; ) {
      const range = { prefix: `${kind}/`, after, limit: STORE_PAGE };
      const { page, leaving } = await store.transaction(async (transaction) => {
        const entries = await transaction.list(range);
        const wanted = entries.filter(isWanted);
        return { page: entries, leaving: await leavingOf(transaction, kind, wanted) };
      });
      yield* leaving;
      if (page.length < STORE_PAGE) break;
      after = page.at(-1)!.key;
    }
  }
}

/** Records as they leave, without those that stay. */
async function leavingOf(
  transaction: StoreTransaction,
  kind: string,
  entries: readonly StoreEntry[],
): Promise<StoreEntry[]> {
  switch (kind) {
    case PEER:
      return entries.map(({ key, value }) => {
        return { key, value: encodeRecord(Peer, pinsOf(decodeRecord(Peer, value))) };
      });
    case MESSAGE:
      return entries.filter(({ value }) => isToStay(decodeRecord(Said, value)));
    case ANNOTATION: {
      const leaving: StoreEntry[] = [];
      for (const entry of entries) {
        if (await isAboutMessage(transaction, entry)) leaving.push(entry);
      }
      return leaving;
    }
    default:
      return [...entries];
  }
}

/**
 * Whether a message may lie in an archive, where it would stay for ever: not one that is to go away, and none of those that
 * may repeat it. What an edit or a reaction has come to stands with the message that it is about.
 */
function isToStay({ content }: z.infer<typeof Said>): boolean {
  if (content?.type === 'edit' || content?.type === 'reaction') return false;
  return content?.expiresIn === undefined;
}

/** Whether what was said is about a message that is in the archive, too. */
async function isAboutMessage(
  transaction: StoreTransaction,
  { key, value }: StoreEntry,
): Promise<boolean> {
  if (decodeRecord(Annotations, value).waiting !== undefined) return false;
  const [, id, device, message] = key.split('/');
  const conversation = ConversationId.parse(id);
  const about = MessageReference.parse({ device, id: message });
  const place = await findPlace(transaction, conversation, { about });
  if (place === undefined) return false;
  const item = await transaction.get(keys.message(place.conversation, place.seq));
  return item !== undefined && isToStay(decodeRecord(Said, item));
}

/** Whom to believe. Another device has no sessions with their devices, and meets all of them itself. */
function pinsOf({ devices: _, version: __, ...pins }: Peer): Peer {
  return { ...pins, devices: [] };
}

/**
 * The recent history of a store: what was said in the last 30 days, of which the newest when it is too much, and all that
 * belongs to it.
 */
export async function* recentRecords(store: Store, now: number): AsyncGenerator<StoreEntry, void> {
  yield* await store.transaction((transaction) => readSingles(transaction, 'history'));
  const since = await reach(store, now);
  let left = LINK_HISTORY_BYTES_MAX;
  for await (const record of recordsFor(store, 'history', (entry) => saidAt(entry) > since)) {
    left -= sizeOf(record);
    if (left < 0) return;
    yield record;
  }
}

/** How far back it goes: as many whole hours as fit. */
async function reach(store: Store, now: number): Promise<number> {
  const hours = new Float64Array(LINK_HISTORY_MS / HOUR_MS);
  let left = LINK_HISTORY_BYTES_MAX;
  const isRecent = (entry: StoreEntry) => saidAt(entry) > now - LINK_HISTORY_MS;
  for await (const record of recordsFor(store, 'history', isRecent)) {
    const at = saidAt(record);
    if (at === Number.POSITIVE_INFINITY) {
      left -= sizeOf(record);
      continue;
    }
    hours[Math.max(0, Math.floor((now - at) / HOUR_MS))]! += sizeOf(record);
  }
  let count = 0;
  for (const bytes of hours) {
    left -= bytes;
    if (left < 0) break;
    count += 1;
  }
  return now - count * HOUR_MS;
}

/** When something was said; what is not said at some time is always recent. */
function saidAt({ key, value }: StoreEntry): number {
  switch (kindOf(key)) {
    case MESSAGE:
      return Date.parse(decodeRecord(Said, value).sentAt);
    case ANNOTATION: {
      const { reaction, edit, deletion } = decodeRecord(Annotations, value);
      return Math.max(...[reaction, edit, deletion].map((said) => said?.time ?? 0));
    }
    default:
      return Number.POSITIVE_INFINITY;
  }
}

function sizeOf({ key, value }: StoreEntry): number {
  return key.length + value.length + 6;
}

/** Throws `backup.unsupported` for a record that no archive of this release holds. */
export function checkRecord({ key, value }: StoreEntry, purpose: ArchivePurpose): void {
  try {
    checkStoreKey(key);
    if (!kindsFor(purpose).includes(kindOf(key))) throw unsupported();
    if (kindOf(key) === MESSAGE) decodeRecord(HistoryItem, value);
    if (kindOf(key) === GROUP_ENTRY) decodeRecord(LoggedEntry, value);
  } catch (cause) {
    if (cause instanceof ClientError && cause.code === 'store.invalid') throw unsupported(cause);
    throw cause;
  }
}

/**
 * Writes a record of an archive, with what is derived from it. What the store has already stays as it is; records must come
 * in the order of the archive.
 */
export async function putIfNew(transaction: StoreTransaction, entry: StoreEntry): Promise<void> {
  if ((await transaction.get(entry.key)) !== undefined) return;
  const kind = kindOf(entry.key);
  if (kind === MESSAGE && !(await noteMessage(transaction, entry))) return;
  if (kind === GROUP_ENTRY && !(await isWithinLog(transaction, entry))) return;
  await transaction.put(entry.key, entry.value);
}

/** What was added to a group's log after its record was read would pass for known, and never be applied. */
async function isWithinLog(
  transaction: StoreTransaction,
  { key, value }: StoreEntry,
): Promise<boolean> {
  const id = ConversationId.parse(key.split('/')[1]);
  const group = await getGroup(transaction, id);
  return group !== undefined && decodeRecord(LoggedEntry, value).version <= group.head.version;
}

/** False when the message lies elsewhere. */
async function noteMessage(transaction: StoreTransaction, { value }: StoreEntry): Promise<boolean> {
  const item = decodeRecord(HistoryItem, value);
  if (item.type === 'membership') return true;
  const { conversation, seq, sender, id } = item;
  const key = keys.messageId(sender, id);
  if ((await transaction.get(key)) !== undefined) return false;
  await putRecord(transaction, key, [Place, { conversation, seq }]);
  return true;
}

function unsupported(cause?: unknown): ClientError {
  return new ClientError('backup.unsupported', 'the backup holds what this release does not know', {
    cause,
  });
}
