/**
 * A store that is behind its platform: a copy that was restored, or one whose other copy went on. What it would publish
 * or encrypt next has left this device before with other content, so it goes on above everything that the platform
 * knows, and with sessions of its own.
 */
import { countPrekeys, KEY_ID_MAX } from '@sotto/api';
import { ClientError } from '../errors.ts';
import { forgetOwnChains } from '../groups/group-keys.ts';
import { KEY_IDS_SPARE } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { Counter, entriesUnder, getRecord, putRecord } from '../store/stored-record.ts';
import { retireAllSessions } from '../trust/sessions.ts';
import { listSignedPrekeys, type PrekeyDeps, refill, renewSignedPrekey } from './prekeys.ts';

/** The highest ids that the platform knows of this device. */
interface Marks {
  readonly oneTime: number;
  readonly signed: number;
}

/**
 * Publishes new prekeys above all ids that either side knows. A store that is behind (`isRefused`: the platform has
 * other keys under its ids) keeps its sessions for receiving only, and makes other sender keys. Safe to repeat. Throws `answer.invalid` when the platform
 * claims ids up to the last ones, and what calls throw; nothing has changed then.
 */
export async function catchUpPrekeys(deps: PrekeyDeps, { isRefused = false } = {}): Promise<void> {
  const { oneTimePrekeys, oneTimeMark, signedPrekey = 0 } = await deps.call(countPrekeys, {});
  const marks = { oneTime: oneTimeMark, signed: signedPrekey };
  await deps.store.transaction(async (transaction) => {
    const isBehind = isRefused || (await isBelow(transaction, marks));
    // Together: once the ids are raised, nothing shows any more that the store was behind.
    if (isBehind) {
      await retireAllSessions(transaction, deps.provider);
      await forgetOwnChains(transaction);
    }
    await dropRefused(transaction, marks);
    await raise(transaction, keys.oneTimePrekeyIds, marks.oneTime);
    await raise(transaction, keys.signedPrekeyIds, marks.signed);
  });
  await renewSignedPrekey(deps);
  await refill(deps, oneTimePrekeys);
}

async function isBelow(transaction: StoreTransaction, marks: Marks): Promise<boolean> {
  return (
    (await nextOf(transaction, keys.oneTimePrekeyIds)) <= marks.oneTime ||
    (await nextOf(transaction, keys.signedPrekeyIds)) <= marks.signed
  );
}

/**
 * Nothing of what waits to be uploaded below the marks would ever be taken. The private halves of one-time prekeys
 * stay: some may be of an upload whose answer was lost. A signed prekey that had arrived would not be waiting any more,
 * because uploads are repeated in order and the same again is no conflict.
 */
async function dropRefused(transaction: StoreTransaction, marks: Marks): Promise<void> {
  for (const { id, published } of await listSignedPrekeys(transaction)) {
    if (!published && id <= marks.signed) await transaction.delete(keys.signedPrekey(id));
  }
  for await (const { key } of entriesUnder(transaction, keys.unpublishedPrekeys)) {
    if (key <= keys.unpublishedPrekey(marks.oneTime)) await transaction.delete(key);
  }
}

async function raise(transaction: StoreTransaction, key: string, used: number): Promise<void> {
  const next = await nextOf(transaction, key);
  if (used < next) return;
  if (used > KEY_ID_MAX - KEY_IDS_SPARE) {
    throw new ClientError('answer.invalid', 'the platform leaves no ids for keys');
  }
  await putRecord(transaction, key, [Counter, { next: used + 1 }]);
}

async function nextOf(transaction: StoreTransaction, key: string): Promise<number> {
  return (await getRecord(transaction, key, Counter))?.next ?? 1;
}
