/** Sender keys of an account whose other identity was accepted. Not with the others: few pages need it at once. */
import type { UserId } from '@sotto/api';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord, entriesUnder } from '../store/stored-record.ts';
import { ChainHolders } from './group-keys.ts';

/**
 * Forgets our chains that devices of an account have, and theirs: it has another identity, and somebody else may have what
 * they had.
 */
export async function forgetChainsWith(
  transaction: StoreTransaction,
  account: UserId,
): Promise<void> {
  for await (const { key, value } of entriesUnder(transaction, keys.allChainHolders)) {
    const holders = decodeRecord(ChainHolders, value).devices;
    if (!holders.some(({ user }) => user === account)) continue;
    await transaction.delete(key);
    await transaction.delete(keys.senderChains + key.slice(keys.allChainHolders.length));
  }
  for await (const { key } of entriesUnder(transaction, keys.senderKeys)) {
    const [, user] = key.slice(keys.senderKeys.length).split('/');
    if (user === account) await transaction.delete(key);
  }
}
