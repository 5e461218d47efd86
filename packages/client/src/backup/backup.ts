/**
 * Backups: everything that makes a store its owner's, encrypted under a recovery key, and back into an empty store (ADR
 * 15). Sub-path `@sotto/client/backup`.
 *
 * What is restored is no device yet. Logging in with the password makes it one, with keys and sessions of its own: a
 * backup never holds any, so that no key is ever used twice, and who opens an old one reads nothing that was said later.
 */
import { bytesOf, UserId } from '@sotto/api';
import { makeRegistrationId, nobleProvider, type Provider } from '@sotto/crypto';
import * as z from 'zod/mini';
import { Account, IdentityRecord } from '../account/records.ts';
import { Restored } from '../account/restored-account.ts';
import type { Abortable } from '../connection/heeding.ts';
import { ClientError } from '../errors.ts';
import { RESTORED_PER_COMMIT, STORE_PAGE } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import { withMigrations } from '../store/record-migrations.ts';
import type { Store, StoreEntry, StoreTransaction } from '../store/store.ts';
import { decodeRecord, encodeRecord, getRecord, putRecord } from '../store/stored-record.ts';
import { type OpenBackup, openBackup, sealBackup } from './archive-file.ts';
import { kindOf, kindsFor } from './archive-kinds.ts';
import { checkRecord, putIfNew, readSingles, recordsFor } from './history-archive.ts';
import { decodeRecoveryWords } from './recovery-words.ts';

export { makeRecoveryKey } from './recovery-words.ts';

/** How a backup is made and restored. */
export interface BackupOptions extends Abortable {
  /** Cryptographic primitives, as for the client. */
  readonly provider?: Provider;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
}

/** What was restored. */
export interface RestoredBackup {
  /** The account that is to log in. */
  readonly user: UserId;
  readonly username: string;
  /** When the backup was made, in milliseconds since 1970 by the clock of the device that made it. */
  readonly madeAt: number;
}

/** The first record, which says whose backup it is. */
const HEAD = 'archive';

const BackupHead = z.object({
  user: UserId,
  username: z.string(),
  identitySeed: bytesOf(32),
  madeAt: z.number(),
});
type BackupHead = z.infer<typeof BackupHead>;

/**
 * A backup of a store, encrypted under the recovery key of these words, in pieces as they are read. The client of the store
 * may go on meanwhile: what comes in may be in the backup or not. Rejects with `backup.words-wrong`, and with
 * `account.missing` before the first connection; both reject with `store.newer` for what a newer release has written. The
 * stream fails with `store.invalid` and `store.closed`.
 */
export async function exportBackup(
  store: Store,
  words: string,
  { provider = nobleProvider, clock = Date.now, signal }: BackupOptions = {},
): Promise<ReadableStream<Uint8Array>> {
  signal?.throwIfAborted();
  const recoveryKey = decodeRecoveryWords(words);
  const migrated = withMigrations(store);
  const first = await migrated.transaction(async (transaction) => [
    await headOf(transaction, clock()),
    ...(await readSingles(transaction, 'backup')),
  ]);
  return sealBackup(provider, recoveryKey, unlessAborted(following(first, migrated), signal));
}

async function* following(first: readonly StoreEntry[], store: Store): AsyncGenerator<StoreEntry> {
  yield* first;
  yield* recordsFor(store, 'backup');
}

async function* unlessAborted(
  records: AsyncIterable<StoreEntry>,
  signal: AbortSignal | undefined,
): AsyncGenerator<StoreEntry> {
  for await (const record of records) {
    signal?.throwIfAborted();
    yield record;
  }
  signal?.throwIfAborted();
}

async function headOf(transaction: StoreTransaction, madeAt: number): Promise<StoreEntry> {
  const account = await getRecord(transaction, keys.account, Account);
  const identity = await getRecord(transaction, keys.identity, IdentityRecord);
  if (account === undefined || identity === undefined) {
    throw new ClientError('account.missing', 'the store belongs to no account');
  }
  const { user, username } = account;
  const head = { user, username, identitySeed: identity.seed, madeAt };
  return { key: HEAD, value: encodeRecord(BackupHead, head) };
}

/**
 * Restores a backup into a store that no account has used; after that, `login` with the password makes a device of the
 * account out of it. A `Blob` is read as it goes, twice: all of it is known to be right before anything is written. Rejects
 * with `backup.words-wrong`, `backup.damaged`, `backup.unsupported` and `backup.store-used`, with nothing written. After a
 * crash the store is `backup.unfinished` for every client: restoring again goes on. Of two that are asked for at once the
 * second one waits for the first.
 */
export async function restoreBackup(
  store: Store,
  words: string,
  backup: Blob | Uint8Array<ArrayBuffer>,
  { provider = nobleProvider, signal }: BackupOptions = {},
): Promise<RestoredBackup> {
  signal?.throwIfAborted();
  const blob = backup instanceof Blob ? backup : new Blob([backup]);
  const opened = await openBackup(provider, decodeRecoveryWords(words), blob);
  const head = await inspect(opened, signal);
  const before = restoring.get(store) ?? Promise.resolve();
  const restored = before
    .catch(() => {})
    .then(() => restoreInto(withMigrations(store), { provider, opened, head, signal }));
  restoring.set(store, restored);
  return restored;
}

/** What a second one finds unfinished is not what a crash has left. */
const restoring = new WeakMap<Store, Promise<unknown>>();

interface Restoring {
  readonly provider: Provider;
  readonly opened: OpenBackup;
  readonly head: BackupHead;
  readonly signal: AbortSignal | undefined;
}

async function restoreInto(
  store: Store,
  { provider, opened, head, signal }: Restoring,
): Promise<RestoredBackup> {
  await begin(store, head);
  try {
    await writeAll(store, opened, signal);
  } catch (error) {
    await forgetAll(store);
    throw error;
  }
  await finish(store, provider, head);
  const { user, username, madeAt } = head;
  return { user, username, madeAt };
}

/** Reads all of it, and gives its head. */
async function inspect(opened: OpenBackup, signal: AbortSignal | undefined): Promise<BackupHead> {
  let head: BackupHead | undefined;
  for await (const record of unlessAborted(opened.records(), signal)) {
    if (head !== undefined) checkRecord(record, 'backup');
    else head = decodeHead(record);
  }
  if (head !== undefined) return head;
  throw new ClientError('backup.damaged', 'the backup is empty');
}

function decodeHead({ key, value }: StoreEntry): BackupHead {
  if (key === HEAD) return decodeRecord(BackupHead, value);
  throw new ClientError('backup.unsupported', 'the backup does not say whose it is');
}

/** Nothing but the mark of an unfinished restore, once what an earlier one has left is gone. */
async function begin(store: Store, { user, username }: BackupHead): Promise<void> {
  const before = await store.transaction(async (transaction) => {
    const restored = await getRecord(transaction, keys.restored, Restored);
    if (!restored?.isUnfinished) await assertUnused(transaction);
    const mark = { user, username, isUnfinished: true };
    await putRecord(transaction, keys.restored, [Restored, mark]);
    return restored;
  });
  if (before !== undefined) await deleteRecords(store);
}

async function assertUnused(transaction: StoreTransaction): Promise<void> {
  for (const kind of [...OWN_KINDS, ...kindsFor('backup')]) {
    const isThere =
      (await transaction.get(kind)) !== undefined ||
      (await transaction.list({ prefix: `${kind}/`, limit: 1 })).length > 0;
    if (isThere) throw new ClientError('backup.store-used', 'the store is in use by an account');
  }
}

/** What shows that a store belongs to somebody, beside what a backup brings. */
const OWN_KINDS = [keys.account, keys.identity, keys.restored];

async function writeAll(
  store: Store,
  opened: OpenBackup,
  signal: AbortSignal | undefined,
): Promise<void> {
  let batch: StoreEntry[] = [];
  const write = () =>
    store.transaction(async (transaction) => {
      for (const record of batch) await putIfNew(transaction, record);
    });
  for await (const record of unlessAborted(opened.records(), signal)) {
    if (record.key === HEAD) continue;
    batch.push(record);
    if (batch.length < RESTORED_PER_COMMIT) continue;
    await write();
    batch = [];
  }
  await write();
  signal?.throwIfAborted();
}

/** The identity comes last: before it is there, nobody is to make another one. */
function finish(
  store: Store,
  provider: Provider,
  { user, username, identitySeed: seed }: BackupHead,
): Promise<void> {
  return store.transaction(async (transaction) => {
    const identity = { seed, registrationId: makeRegistrationId(provider), isShared: true };
    await putRecord(transaction, keys.identity, [IdentityRecord, identity]);
    await putRecord(transaction, keys.restored, [Restored, { user, username }]);
  });
}

/** As if it had never begun. */
async function forgetAll(store: Store): Promise<void> {
  await deleteRecords(store);
  await store.transaction((transaction) => transaction.delete(keys.restored));
}

async function deleteRecords(store: Store): Promise<void> {
  const kinds = [...kindsFor('backup'), kindOf(keys.messageIds)];
  await store.transaction(async (transaction) => {
    for (const kind of kinds) await transaction.delete(kind);
  });
  for (const kind of kinds) await deleteUnder(store, `${kind}/`);
}

async function deleteUnder(store: Store, prefix: string): Promise<void> {
  for (let isMore = true; isMore; ) {
    isMore = await store.transaction(async (transaction) => {
      const page = await transaction.list({ prefix, limit: STORE_PAGE });
      for (const { key } of page) await transaction.delete(key);
      return page.length === STORE_PAGE;
    });
  }
}
