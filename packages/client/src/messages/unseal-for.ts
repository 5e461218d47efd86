/** What waits for an account whose other identity was accepted. Not with the outbox: few pages need it at once. */
import type { UserId } from '@sotto/api';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord, entriesUnder } from '../store/stored-record.ts';
import { decodeControl } from './control.ts';
import { isControl, OutboxEntry, putEntry } from './outbox-entry.ts';

/**
 * Lets what waits be encrypted anew for an account whose other identity was accepted: nobody there could read it as it was.
 * What it had asked for again in the identity before is not for this one (ADR 14). What a platform is sent again after a
 * restore stays as it is.
 */
export async function unsealFor(transaction: StoreTransaction, account: UserId): Promise<void> {
  const isOthers = ({ user }: { readonly user: UserId }) => user !== account;
  for await (const { value } of entriesUnder(transaction, keys.outbox())) {
    const entry = decodeRecord(OutboxEntry, value);
    const recipients = entry.recipients.filter(isOthers);
    const isAgain = isControl(entry) && decodeControl(entry.content)?.type === 'again';
    const to = isAgain ? entry.to?.filter(isOthers) : entry.to;
    const isTheirs = recipients.length < entry.recipients.length || to?.length !== entry.to?.length;
    if (!isTheirs || entry.resent !== undefined) continue;
    const hasLeft = entry.hasLeft || entry.sealed;
    await putEntry(transaction, { ...entry, to, recipients, sealed: false, hasLeft });
  }
}
