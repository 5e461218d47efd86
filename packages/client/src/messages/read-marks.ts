/**
 * How far people have read: what this account reads here goes to its other devices and to those who wrote it, and what
 * others say of themselves is kept. Marks only move forward, and only to messages that are known.
 */
import { type Address, ConversationId, DeviceId, UserId } from '@sotto/api';
import * as z from 'zod/mini';
import { listedDevices } from '../account/own-list.ts';
import { getPeer } from '../account/records.ts';
import { READ_AUTHORS_SEARCHED_MAX, STORE_PAGE } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord, getRecord, putRecord } from '../store/stored-record.ts';
import type { SessionsDeps } from '../trust/sessions.ts';
import { enqueueControl } from './control-outbox.ts';
import { isOpenTo, openDevicesOf } from './conversation-audience.ts';
import { ConversationRecord } from './conversation-record.ts';
import { HistoryItem } from './history-item.ts';
import { countRead } from './lifetime.ts';
import { findPlace } from './message-place.ts';
import type { MessageReference } from './message-reference.ts';
import type { ControlHandler } from './opening.ts';
import { OutboxEntry } from './outbox-entry.ts';
import { getOwnReadMark, putOwnReadMark, readUpTo } from './own-read-mark.ts';
import { letReadWait, putReadBy, readMarkAt } from './read-by.ts';

/** What was read and not said yet, and who wrote it. */
const UntoldRead = z.object({ conversation: ConversationId, authors: z.array(UserId) });

/** Devices of ours that the platform was asked for because nothing had gone to them yet. */
const Asked = z.object({ devices: z.array(DeviceId) });

/** Where in the outbox lies what was said last. */
const ToldRead = z.object({ entries: z.array(z.string()) });

/**
 * Moves this account's mark to a message. The place of the mark, or undefined when it did not move: the message lies
 * behind it, or has no place yet. {@link tellReads} says it to others.
 */
export async function markRead(
  { clock }: Pick<SessionsDeps, 'clock'>,
  transaction: StoreTransaction,
  {
    conversation,
    upTo,
  }: { readonly conversation: ConversationId; readonly upTo: MessageReference },
): Promise<number | undefined> {
  const seq = await placeOf(transaction, conversation, upTo);
  const before = await readUpTo(transaction, conversation);
  if (seq === undefined || seq <= before) return undefined;
  const time = clock();
  await putOwnReadMark(transaction, conversation, { upTo, seq, time });
  await countRead(transaction, conversation, { upTo: seq, readAt: time });
  const key = keys.untoldRead(conversation);
  const untold = await getRecord(transaction, key, UntoldRead);
  const authors = await authorsBetween(transaction, conversation, { after: before, upTo: seq });
  const all = [...new Set([...(untold?.authors ?? []), ...authors])];
  await putRecord(transaction, key, [UntoldRead, { conversation, authors: all }]);
  return seq;
}

/**
 * Puts into the outbox how far was read what was read since the last time. What still waits there of before goes, so that
 * whoever reads for a day without a connection says it once. Gives the conversations to be woken after the commit; as
 * many as {@link STORE_PAGE} when there may be more.
 */
export async function tellReads(
  deps: SessionsDeps,
  transaction: StoreTransaction,
): Promise<ConversationId[]> {
  const page = await transaction.list({ prefix: keys.untoldReads, limit: STORE_PAGE });
  const told: ConversationId[] = [];
  for (const { key, value } of page) {
    const { conversation, authors } = decodeRecord(UntoldRead, value);
    await transaction.delete(key);
    await tellRead(deps, transaction, { conversation, authors });
    told.push(conversation);
  }
  return told;
}

/** Has what was read in a conversation said to those who wrote there: before it was accepted they were told nothing. */
export async function oweReads(
  transaction: StoreTransaction,
  conversation: ConversationId,
): Promise<void> {
  const mark = await getOwnReadMark(transaction, conversation);
  if (mark === undefined) return;
  const authors = await authorsBetween(transaction, conversation, { after: 0, upTo: mark.seq });
  const key = keys.untoldRead(conversation);
  await putRecord(transaction, key, [UntoldRead, { conversation, authors }]);
}

/** Takes what an account says of its own reading; what was said before changes nothing. */
export const takeRead: ControlHandler<'read'> = async (deps, { sender }, { upTo, time }) => {
  const { transaction, local, later, events, clock } = deps;
  const conversation = deps.conversation.id;
  const { user } = sender;
  const isOwn = user === local.address.user;
  const seq = await placeOf(transaction, conversation, upTo);
  if (seq === undefined) {
    if (!isOwn) await letReadWait(transaction, conversation, { user, upTo });
    return;
  }
  if (isOwn) {
    if (seq <= (await readUpTo(transaction, conversation))) return;
    const readAt = Math.min(clock(), time);
    await putOwnReadMark(transaction, conversation, { upTo, seq, time: readAt });
    await countRead(transaction, conversation, { upTo: seq, readAt });
    await transaction.delete(keys.untoldRead(conversation));
  } else {
    const item = await getRecord(transaction, keys.message(conversation, seq), HistoryItem);
    const mark = readMarkAt(user, seq, item);
    if (!(await putReadBy(transaction, conversation, mark))) return;
  }
  later.push(() => {
    events.emit('read', { conversation, user, seq });
    events.emit('lines-changed', { conversation });
  });
};

/** Undefined for what has no place in this conversation. */
async function placeOf(
  transaction: StoreTransaction,
  conversation: ConversationId,
  about: MessageReference,
): Promise<number | undefined> {
  const place = await findPlace(transaction, conversation, { about });
  return place?.conversation === conversation ? place.seq : undefined;
}

/** Of the newest messages only, when there are very many: whoever wrote before them has waited long enough for that. */
async function authorsBetween(
  transaction: StoreTransaction,
  conversation: ConversationId,
  { after, upTo }: { readonly after: number; readonly upTo: number },
): Promise<UserId[]> {
  const authors = new Set<UserId>();
  const start = Math.max(after, upTo - READ_AUTHORS_SEARCHED_MAX);
  const limit = READ_AUTHORS_SEARCHED_MAX;
  const range = {
    prefix: keys.messages(conversation),
    after: keys.message(conversation, start),
    limit,
  };
  for (const { value } of await transaction.list(range)) {
    const item = decodeRecord(HistoryItem, value);
    if (item.seq > upTo) break;
    if (item.type === 'message' && !item.own) authors.add(item.sender.user);
  }
  return [...authors];
}

async function tellRead(
  deps: SessionsDeps,
  transaction: StoreTransaction,
  { conversation, authors }: z.infer<typeof UntoldRead>,
): Promise<void> {
  const mark = await getOwnReadMark(transaction, conversation);
  const room = await getRecord(transaction, keys.conversation(conversation), ConversationRecord);
  const self = UserId.parse(deps.local.address.user);
  if (mark === undefined || !room?.members.includes(self)) return;
  const overtaken = await takeBackWaiting(transaction, conversation);
  const isOpen = await isOpenTo(transaction, deps.local, conversation);
  const others = new Set([...authors, ...overtaken.map(({ user }) => user)]);
  others.delete(self);
  const to = new Map<DeviceId, Address>();
  for (const user of isOpen ? others : []) {
    if (!room.members.includes(user)) continue;
    for (const device of await openDevicesOf(transaction, user)) to.set(device, { user, device });
  }
  for (const device of await ownDevices(deps, transaction)) to.set(device, { user: self, device });
  const { upTo, time } = mark;
  const control = { type: 'read', upTo, time } as const;
  const message = { conversation, control, to: [...to.values()] };
  const entries = await enqueueControl(deps, transaction, message);
  await putRecord(transaction, keys.toldRead(conversation), [ToldRead, { entries }]);
}

/**
 * This account's other devices: those that messages go to, and others of the list once. One that the platform has no keys
 * of would be asked for at each reading, which it allows a few times an hour.
 */
async function ownDevices(
  { local }: SessionsDeps,
  transaction: StoreTransaction,
): Promise<DeviceId[]> {
  const { devices: known = [] } =
    (await getPeer(transaction, UserId.parse(local.address.user))) ?? {};
  const { devices: asked } = (await getRecord(transaction, keys.askedDevices, Asked)) ?? {
    devices: [],
  };
  const listed = await listedDevices(transaction);
  const isNew = (device: DeviceId) => !known.includes(device) && !asked.includes(device);
  const added = listed.filter((device) => device !== local.address.device && isNew(device));
  if (added.length > 0) {
    const stillListed = asked.filter((device) => listed.includes(device));
    await putRecord(transaction, keys.askedDevices, [
      Asked,
      { devices: [...stillListed, ...added] },
    ]);
  }
  return [...known.filter((device) => device !== local.address.device), ...added];
}

/** Takes out of the outbox what was said last, when nothing of it has left, and gives those who were to hear it. */
async function takeBackWaiting(
  transaction: StoreTransaction,
  conversation: ConversationId,
): Promise<Address[]> {
  const told = await getRecord(transaction, keys.toldRead(conversation), ToldRead);
  const heard: Address[] = [];
  for (const key of told?.entries ?? []) {
    const entry = await getRecord(transaction, key, OutboxEntry);
    if (entry === undefined || entry.sealed || entry.recipients.length > 0) continue;
    heard.push(...(entry.to ?? []));
    await transaction.delete(key);
  }
  return heard;
}
