/**
 * Accounts that have written to us and were not found in the key log yet. That is taken down with their message, and stands
 * until they were looked up: an answer that does not come, or the end of the process, must not let a forgery pass.
 */
import { UserId } from '@sotto/api';
import type { LocalParty } from '@sotto/crypto';
import { keys } from '../store/key-space.ts';
import type { Store, StoreTransaction } from '../store/store.ts';
import type { Contact } from './key-log.ts';
import { isUnproven } from './log-standing.ts';
import { pinnedIdentity } from './peers.ts';

/**
 * To be called for each message of others: there is one mark for each account that is pinned. True when it is to be looked
 * up; while an alarm stands nobody is.
 */
export async function oweProof(transaction: StoreTransaction, contact: Contact): Promise<boolean> {
  if (!(await isUnproven(transaction, contact))) return false;
  const key = keys.owedProof(contact.user);
  if ((await transaction.get(key)) === undefined) await transaction.put(key, new Uint8Array(0));
  return (await transaction.get(keys.logAlarm)) === undefined;
}

/** The next account behind `after` that is to be looked up; undefined behind the last one, and while an alarm stands. */
export function nextOwed(
  store: Store,
  local: LocalParty,
  after?: UserId,
): Promise<Contact | undefined> {
  return store.transaction(async (transaction) => {
    if (await transaction.get(keys.logAlarm)) return undefined;
    const from = after && { after: keys.owedProof(after) };
    const range = { prefix: keys.owedProofs, ...from, limit: 1 };
    for (;;) {
      const [owed] = await transaction.list(range);
      if (owed === undefined) return undefined;
      const user = UserId.parse(owed.key.slice(keys.owedProofs.length));
      const identityKey = await pinnedIdentity(transaction, local, user);
      const contact = identityKey && { user, identityKey };
      if (contact && (await isUnproven(transaction, contact))) return contact;
      await transaction.delete(owed.key);
    }
  });
}

/** They were looked up. */
export function settleProof(store: Store, { user }: Contact): Promise<void> {
  return store.transaction(async (transaction) => {
    const key = keys.owedProof(user);
    if (await transaction.get(key)) await transaction.delete(key);
  });
}
