/** Identities that people compare: the number that they see, and what they accept by it. */
import { getIdentity, type UserId } from '@sotto/api';
import { type SafetyNumber, safetyNumber, verifyingKey } from '@sotto/crypto';
import { getPeer, Peer } from '../account/records.ts';
import { ClientError } from '../errors.ts';
import { forgetChainsWith } from '../groups/forgotten-chains.ts';
import { unsealFor } from '../messages/unseal-for.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getSharedRecord, putRecord } from '../store/stored-record.ts';
import { ContactLeaf } from './log-standing.ts';
import type { PeerDeps } from './peers.ts';

export interface Acceptance {
  readonly user: UserId;
  /** The digits of the safety number that a person has compared. */
  readonly shown: string | undefined;
  readonly now: number;
}

/**
 * Takes the identity that the platform handed out last as the contact's own: what waits is encrypted for it anew. No-op when
 * nothing has changed. Rejects with `identity.changed` when that identity is not the one whose number was shown.
 */
export function acceptIdentity(deps: PeerDeps, { user, shown, now }: Acceptance): Promise<void> {
  return deps.store.transaction(async (transaction) => {
    const peer = await getPeer(transaction, user);
    if (peer === undefined) return;
    const { identityKey, changedTo = identityKey } = peer;
    if (shown !== undefined && numberWith(deps, user, changedTo).digits !== shown) {
      throw new ClientError('identity.changed', 'the identity has changed since it was shown');
    }
    if (peer.changedTo === undefined) return;
    // Devices are asked for anew: whose sessions belong to the old identity, they are of no use; nor is its list.
    const accepted = { user, identityKey: changedTo, devices: [], acceptedAt: now };
    await putRecord(transaction, keys.peer(user), [Peer, accepted]);
    await forgetChainsWith(transaction, user);
    await unsealFor(transaction, user);
  });
}

/** Forgets what stands against a contact, and what was seen of it: before the next send it is looked up anew. */
export async function pardonContact(transaction: StoreTransaction, user: UserId): Promise<void> {
  const leaf = await getSharedRecord(transaction, keys.logLeaf(user), ContactLeaf);
  if (leaf?.broken !== undefined) await transaction.delete(keys.logLeaf(user));
}

/** The safety number with another account, by the identity that it is known by or has changed to. */
export async function compareIdentities(deps: PeerDeps, user: UserId): Promise<SafetyNumber> {
  const { store, call } = deps;
  const known = await store.transaction((transaction) => getPeer(transaction, user));
  const identityKey =
    known?.changedTo ??
    known?.identityKey ??
    (await call(getIdentity, { params: { user_id: user } })).identityKey;
  return numberWith(deps, user, identityKey);
}

function numberWith(
  { provider, local }: PeerDeps,
  user: UserId,
  identityKey: Uint8Array,
): SafetyNumber {
  const own = { user: local.address.user, identityKey: local.identity.publicKey };
  const remote = { user, identityKey: verifyingKey<'identity'>(identityKey) };
  return safetyNumber(provider, { local: own, remote });
}
