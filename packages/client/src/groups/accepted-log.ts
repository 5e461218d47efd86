/** A group's log that a person has taken for the group's, in the place of the one before. */
import type { ConversationId } from '@sotto/api';
import { SenderCounterRecord } from '../account/records.ts';
import { ClientError } from '../errors.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord, entriesUnder, putRecord } from '../store/stored-record.ts';
import type { GroupDeps } from './group-authors.ts';
import { getGroup, logStep, putGroup } from './group-log.ts';
import { readOn } from './group-reading.ts';

/** Begins a group's log anew, as the platform shows it now: for when a person has found out why it is another one. */
export async function readGroupAnew(deps: GroupDeps, id: ConversationId): Promise<void> {
  const reading = await readOn(deps, id, undefined);
  if (reading.cause !== undefined) throw new ClientError('group.broken', reading.cause);
  await deps.store.transaction(async (transaction) => {
    for await (const { key } of entriesUnder(transaction, keys.groupEntries(id))) {
      await transaction.delete(key);
    }
    await forgetSeenLog(transaction, id);
    let record = await getGroup(transaction, id);
    for (const step of reading.steps) record = await logStep(transaction, record, step);
    if (record === undefined) return;
    const { broken: _, ...sound } = record;
    await putGroup(transaction, sound);
  });
  deps.events.emit('conversation', { conversation: id });
}

/** Devices may have named entries that are lost: by what they name now, they have not gone back. */
async function forgetSeenLog(transaction: StoreTransaction, id: ConversationId): Promise<void> {
  for await (const { key, value } of entriesUnder(transaction, keys.senderCountersIn(id))) {
    const { membership: _, ...counted } = decodeRecord(SenderCounterRecord, value);
    await putRecord(transaction, key, [SenderCounterRecord, counted]);
  }
}
