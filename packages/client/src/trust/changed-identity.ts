/** Contacts whom the platform gives another identity: it is noted, told, and waits for a person. */
import { getIdentity, type UserId } from '@sotto/api';
import { getPeer, Peer, sameBytes } from '../account/records.ts';
import { isProblem } from '../errors.ts';
import { keys } from '../store/key-space.ts';
import { putRecord } from '../store/stored-record.ts';
import type { ListDeps } from './peer-lists.ts';

/**
 * Looks up the identity of a contact that is said to have another one. When it has, an event tells, and nothing is sent
 * until it was accepted. An account that is gone has changed nothing.
 */
export async function noteIdentity(deps: ListDeps, user: UserId): Promise<void> {
  const { store, events } = deps;
  const identityKey = await currentIdentity(deps, user);
  if (identityKey === undefined) return;
  const isChanged = await store.transaction(async (transaction) => {
    const peer = await getPeer(transaction, user);
    if (peer === undefined || sameBytes(peer.changedTo ?? peer.identityKey, identityKey)) {
      return false;
    }
    await putRecord(transaction, keys.peer(user), [Peer, { ...peer, changedTo: identityKey }]);
    return true;
  });
  if (isChanged) events.emit('identity-changed', { user });
}

/** The identity that the platform says an account has now; undefined for one without: it may have been deleted. */
export async function currentIdentity(
  { call }: Pick<ListDeps, 'call'>,
  user: UserId,
): Promise<Uint8Array | undefined> {
  try {
    return (await call(getIdentity, { params: { user_id: user } })).identityKey;
  } catch (error) {
    if (isProblem(error, 'key.identity-unknown')) return undefined;
    throw error;
  }
}
