/** What waits for an account whose other identity was accepted. Not with the outbox: few pages need it at once. */
import type { UserId } from '@sotto/api';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord, entriesUnder } from '../store/stored-record.ts';
import { decodeControl } from './control.ts';
import { isControl, OutboxEntry, putEntry } from './outbox-entry.ts';

/**
 * Lets what people wrote and still waits be encrypted anew for an account whose other identity was accepted: nobody there
 * could read it as it was. What it had asked for again in the identity before is not for this one (ADR 14). What else a
 * device says keeps its bytes when it may be stored, and so does what a platform is sent again after a restore.
 */
export async function unsealFor(transaction: StoreTransaction, account: UserId): Promise<void> {
  for await (const { value } of entriesUnder(transaction, keys.outbox())) {
    const entry = decodeRecord(OutboxEntry, value);
    if (entry.resent !== undefined) continue;
    const changed = isControl(entry) ? changedControl(entry, account) : changedText(entry, account);
    if (changed !== undefined) await putEntry(transaction, changed);
  }
}

function changedText(entry: OutboxEntry, account: UserId): OutboxEntry | undefined {
  const recipients = entry.recipients.filter(({ user }) => user !== account);
  if (recipients.length === entry.recipients.length) return undefined;
  const hasLeft = entry.sealed || entry.hasLeft;
  const mayBeStored = entry.sealed || entry.mayBeStored;
  return { ...entry, recipients, sealed: false, hasLeft, mayBeStored };
}

/** Its count among what was sent must not get lost: of what may be stored only those change whom it is encrypted for anew. */
function changedControl(entry: OutboxEntry, account: UserId): OutboxEntry {
  const isOthers = ({ user }: { readonly user: UserId }) => user !== account;
  const isAgain = decodeControl(entry.content)?.type === 'again';
  const to = isAgain ? entry.to?.filter(isOthers) : entry.to;
  return {
    ...entry,
    to,
    recipients: entry.sealed ? entry.recipients : entry.recipients.filter(isOthers),
  };
}
