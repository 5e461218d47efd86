/**
 * Who may have signed the entries of a group's log. What follows on an entry that this device has seen must be signed by
 * the identity that the author is pinned to: a key that was lost or stolen signs nothing any more. Read from its first
 * entry, a log may also name identities that its authors had before, which the key log shows.
 *
 * Of authors who are not contacts yet the identity is learned here, and pinned: as the key log has it, so that one that
 * the platform has invented is in plain sight of the author.
 */
import { UserId } from '@sotto/api';
import type { AuthorCheck } from '@sotto/crypto';
import { getPeer, Peer, sameBytes } from '../account/records.ts';
import { keys } from '../store/key-space.ts';
import { putRecord } from '../store/stored-record.ts';
import { currentIdentity, noteIdentity } from '../trust/changed-identity.ts';
import type { KeyLog } from '../trust/key-log.ts';
import type { IdentityVersions } from '../trust/log-answer.ts';
import { type PeerDeps, pinnedIdentity } from '../trust/peers.ts';
import { decodeEntry } from './group-log.ts';

export interface GroupDeps extends PeerDeps {
  readonly keyLog: Pick<KeyLog, 'identitiesOf'>;
}

interface Author {
  readonly user: UserId;
  readonly identityKey: Uint8Array;
}

/**
 * Finds out about the authors of entries, and says yes to those who may have signed. Throws what calls throw, and
 * `CryptoError` when the key log shows an author no sound history. Tells of contacts who have another identity.
 */
export async function findAuthors(
  deps: GroupDeps,
  entries: readonly Uint8Array[],
  { isReplay }: { isReplay: boolean },
): Promise<AuthorCheck> {
  const accepted: Author[] = [];
  const has = (
    authors: readonly Author[],
    { user, identityKey }: Omit<Author, 'user'> & { user: string },
  ) => authors.some((each) => each.user === user && sameBytes(each.identityKey, identityKey));
  const seen: Author[] = [];
  for (const encoded of entries) {
    const named = decodeEntry(encoded)?.author;
    if (named === undefined || has(seen, named)) continue;
    const author = { user: UserId.parse(named.user), identityKey: named.identityKey };
    seen.push(author);
    if (await isAuthor(deps, author, isReplay)) accepted.push(author);
  }
  return (author) => has(accepted, author);
}

async function isAuthor(deps: GroupDeps, author: Author, isReplay: boolean): Promise<boolean> {
  const { store, local, keyLog } = deps;
  const { user, identityKey } = author;
  const pinned = await store.transaction((transaction) => pinnedIdentity(transaction, local, user));
  if (pinned === undefined) return meetAuthor(deps, author, isReplay);
  if (sameBytes(pinned, identityKey)) return true;
  if (isReplay) return isPredecessor(await keyLog.identitiesOf(user), identityKey, pinned);
  if (user !== local.address.user) await noteIdentity(deps, user);
  return false;
}

/** Pins an author to the identity that the account has now, when the key log has it too. */
async function meetAuthor(deps: GroupDeps, author: Author, isReplay: boolean): Promise<boolean> {
  const { user, identityKey } = author;
  const identities = await deps.keyLog.identitiesOf(user);
  const current = await currentIdentity(deps, user);
  // Of an account that was deleted nothing is left but what it has signed, and the key log.
  if (current === undefined) return identities.versionOf(identityKey) !== undefined;
  if (identities.versionOf(current) !== identities.newest) return false;
  await deps.store.transaction(async (transaction) => {
    if ((await getPeer(transaction, user)) !== undefined) return;
    await putRecord(transaction, keys.peer(user), [
      Peer,
      { user, identityKey: current, devices: [] },
    ]);
  });
  if (sameBytes(current, identityKey)) return true;
  return isReplay && isPredecessor(identities, identityKey, current);
}

function isPredecessor(
  { versionOf }: IdentityVersions,
  identityKey: Uint8Array,
  current: Uint8Array,
): boolean {
  const [before, now] = [versionOf(identityKey), versionOf(current)];
  return before !== undefined && now !== undefined && before <= now;
}
