/** Whose devices are to know this account's profile, and which of them were told. */
import { type Address, type ConversationId, DeviceId, UserId } from '@sotto/api';
import * as z from 'zod/mini';
import { listedDevices } from '../account/own-list.ts';
import { getPeer } from '../account/records.ts';
import { isOpenTo, openDevicesOf } from '../messages/conversation-audience.ts';
import { ConversationRecord } from '../messages/conversation-record.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import type { SessionsDeps } from '../trust/sessions.ts';
import { getProfile, type ProfileRecord } from './profile.ts';

/** The devices of a user that were told the profile of this time. */
const ToldRecord = z.object({ time: z.number(), devices: z.array(DeviceId) });

/** What is to be said in a conversation, and to whom. */
export interface Untold {
  readonly profile: ProfileRecord;
  readonly to: readonly Address[];
}

/**
 * The devices of a conversation's members that do not know the newest profile; undefined when there are none, or no
 * profile. Where this account has neither written nor accepted, strangers learn nothing of it: there, and of those who
 * are blocked, it is only the account's own devices that are told.
 */
export async function findUntold(
  { local }: SessionsDeps,
  transaction: StoreTransaction,
  conversation: ConversationId,
): Promise<Untold | undefined> {
  const own = UserId.parse(local.address.user);
  const profile = await getProfile(transaction, own);
  if (profile === undefined) return undefined;
  const record = await getRecord(transaction, keys.conversation(conversation), ConversationRecord);
  if (!record?.members.includes(own)) return undefined;
  const isOpen = await isOpenTo(transaction, local, conversation);
  const to: Address[] = [];
  for (const user of isOpen ? record.members : [own]) {
    const told = await getTold(transaction, user, profile.time);
    const devices =
      user === own ? await listedDevices(transaction) : await openDevicesOf(transaction, user);
    for (const device of devices) {
      if (device !== local.address.device && !told.includes(device)) to.push({ user, device });
    }
  }
  return to.length > 0 ? { profile, to } : undefined;
}

/** Whether another device of this account does not know the profile. */
export async function isOwnUntold(
  { local }: SessionsDeps,
  transaction: StoreTransaction,
  { time }: ProfileRecord,
): Promise<boolean> {
  const told = await getTold(transaction, UserId.parse(local.address.user), time);
  const devices = await listedDevices(transaction);
  return devices.some((device) => device !== local.address.device && !told.includes(device));
}

/** Members of a conversation none of whose devices are known yet. */
export async function findUnmet(
  { local }: SessionsDeps,
  transaction: StoreTransaction,
  conversation: ConversationId,
): Promise<UserId[]> {
  const record = await getRecord(transaction, keys.conversation(conversation), ConversationRecord);
  const unmet: UserId[] = [];
  for (const user of record?.members ?? []) {
    const peer = await getPeer(transaction, user);
    const isBlocked = (await transaction.get(keys.block(user))) !== undefined;
    const isMet = peer !== undefined && (peer.devices.length > 0 || peer.changedTo !== undefined);
    if (user !== local.address.user && !isMet && !isBlocked) unmet.push(user);
  }
  return unmet;
}

/** Takes down that they are told. */
export async function noteTold(
  transaction: StoreTransaction,
  { profile: { time }, to }: Untold,
): Promise<void> {
  for (const [user, addresses] of Map.groupBy(to, (address) => address.user)) {
    const before = await getTold(transaction, user, time);
    const devices = [...before, ...addresses.map(({ device }) => device)];
    await putRecord(transaction, keys.profileTold(user), [ToldRecord, { time, devices }]);
  }
}

/** A device may have lost what it was told: it is told again. */
export async function forgetTold(
  transaction: StoreTransaction,
  { user, device }: Address,
): Promise<void> {
  const key = keys.profileTold(user);
  const record = await getRecord(transaction, key, ToldRecord);
  if (!record?.devices.includes(device)) return;
  const devices = record.devices.filter((told) => told !== device);
  await putRecord(transaction, key, [ToldRecord, { ...record, devices }]);
}

/** Has a conversation show the account's profile, as if something had been written there. */
export function openProfileTo(
  transaction: StoreTransaction,
  conversation: ConversationId,
): Promise<void> {
  return transaction.put(keys.accepted(conversation), new Uint8Array(0));
}

async function getTold(
  transaction: StoreTransaction,
  user: UserId,
  time: number,
): Promise<DeviceId[]> {
  const record = await getRecord(transaction, keys.profileTold(user), ToldRecord);
  return record?.time === time ? record.devices : [];
}
