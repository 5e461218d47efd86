/**
 * The store of a device that the platform does not take back: it was taken off the account, or has lost its key. With
 * the password it goes on as another device of the same account, and of the same identity for as long as that lasts.
 */
import { makeRegistrationId, type Provider, signingKeyPairOf, signingSeed } from '@sotto/crypto';
import { OutboxEntry } from '../messages/outbox-entry.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord, entriesUnder, getRecord, putRecord } from '../store/stored-record.ts';
import { adoptIdentity, nextSignedPrekey } from './identity-change.ts';
import { listSignedPrekeys } from './prekeys.ts';
import { IdentityRecord, SignedPrekeyRecord } from './records.ts';

/**
 * Within the transaction that names the other device: what belonged to the one before goes, and prekeys are made for
 * this one. Contacts, conversations and messages stay; what waits to be sent is encrypted anew.
 */
export async function becomeAnotherDevice(
  transaction: StoreTransaction,
  provider: Provider,
): Promise<void> {
  await forgetSealed(transaction);
  const before = await getRecord(transaction, keys.identity, IdentityRecord);
  if (before === undefined) return;
  // An identity that others know is never claimed a second time: when the account has another one, a person decides.
  const wasPublished = (await listSignedPrekeys(transaction)).some(({ published }) => published);
  const isShared = before.isShared === true || wasPublished;
  const identity = { seed: before.seed, registrationId: makeRegistrationId(provider), isShared };
  await adoptIdentity(transaction, identity);
  const pair = signingKeyPairOf(provider, signingSeed<'identity'>(before.seed));
  const prekey = await nextSignedPrekey(provider, transaction, pair);
  await putRecord(transaction, keys.signedPrekey(prekey.id), [SignedPrekeyRecord, prekey]);
}

/** Nobody could read from this device what was encrypted for them on the other. */
async function forgetSealed(transaction: StoreTransaction): Promise<void> {
  for await (const { key, value } of entriesUnder(transaction, keys.outbox())) {
    const { group: _, ...entry } = decodeRecord(OutboxEntry, value);
    const open = { ...entry, recipients: [], sealed: false };
    // What was only sent again is in the history, and was for those whom the device before had encrypted it for.
    if (entry.resent !== undefined) await transaction.delete(key);
    else await putRecord(transaction, key, [OutboxEntry, open]);
  }
}
