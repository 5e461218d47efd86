/**
 * Whom of a group's members this device encrypts for. Unlike a contact, a member who cannot be trusted holds nobody up: it
 * gets no key, and the others go on.
 *
 * A member's identity that was not found in the key log yet gets keys like any other: two hundred questions before the
 * first message would take minutes. They are asked behind it (`member-proofs.ts`), and one that turns out wrong is shut
 * out by another key.
 */
import type { Address, DeviceId, UserId } from '@sotto/api';
import type { LocalParty } from '@sotto/crypto';
import { getPeer } from '../account/records.ts';
import { ClientError } from '../errors.ts';
import type { StoreTransaction } from '../store/store.ts';
import type { Contact } from '../trust/key-log.ts';
import { type Standing, standingOf } from '../trust/log-standing.ts';
import { isListDoubtful } from '../trust/peer-lists.ts';

/** A member whom we encrypt for. */
export interface OpenMember extends Contact {
  readonly devices: readonly DeviceId[];
  /** See `Peer`. */
  readonly version: number | undefined;
  /** Its list is to be read before anything is encrypted. */
  readonly isDoubtful: boolean;
  readonly isProven: boolean;
}

/**
 * Or why not: nothing is known of it, or it gets nothing, since its identity has changed and nobody has accepted that, or
 * the key log stands against it.
 */
export type Reach = OpenMember | 'unmet' | 'shut';

/** How a member stands. */
export async function reachOf(
  transaction: StoreTransaction,
  local: LocalParty,
  user: UserId,
): Promise<Reach> {
  const peer = await getPeer(transaction, user);
  if (peer === undefined) return 'unmet';
  const { version } = peer;
  if (user === local.address.user) {
    const devices = peer.devices.filter((device) => device !== local.address.device);
    const { publicKey: identityKey } = local.identity;
    return { user, identityKey, devices, version, isDoubtful: false, isProven: true };
  }
  if (peer.changedTo !== undefined) return 'shut';
  const { identityKey, devices } = peer;
  const standing = await standingIn(transaction, { user, identityKey });
  if (standing === 'broken') return 'shut';
  if (devices.length === 0 && version === undefined) return 'unmet';
  const isDoubtful = isListDoubtful(peer);
  return { user, identityKey, devices, version, isDoubtful, isProven: standing === 'proven' };
}

/** Whether a member is to get anything. */
export function isOpen(reach: Reach): reach is OpenMember {
  return typeof reach === 'object';
}

/** The devices of a member. */
export function addressesOf({ user, devices }: OpenMember): Address[] {
  return devices.map((device) => ({ user, device }));
}

/** The devices that may have a key of ours, without this one. */
export async function findOpenDevices(
  transaction: StoreTransaction,
  local: LocalParty,
  members: readonly UserId[],
): Promise<Address[]> {
  const devices: Address[] = [];
  for (const user of members) {
    const reach = await reachOf(transaction, local, user);
    if (isOpen(reach) && !reach.isDoubtful) devices.push(...addressesOf(reach));
  }
  return devices;
}

async function standingIn(
  transaction: StoreTransaction,
  { user, identityKey }: Contact,
): Promise<Standing | 'broken'> {
  try {
    return await standingOf(transaction, user, identityKey);
  } catch (error) {
    if (error instanceof ClientError && error.code === 'key-log.broken') return 'broken';
    throw error;
  }
}
