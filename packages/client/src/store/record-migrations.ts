/**
 * Records that an older release has written, brought to the form in which this one reads them. Engines have versions of
 * their own; this one lies among the records, because only whoever opens an encrypted store can read those.
 */
import * as z from 'zod/mini';
import { ClientError } from '../errors.ts';
import { OutboxEntry } from '../messages/outbox-entry.ts';
import { putRefused } from '../messages/refused-message.ts';
import { keys } from './key-space.ts';
import type { Store, StoreTransaction, StoreWork } from './store.ts';
import { decodeRecord, entriesUnder, getRecord, putRecord } from './stored-record.ts';

const RecordVersion = z.object({ version: z.int().check(z.minimum(0)) });

/** What makes each version out of the one before it. Only ever added to. */
const MIGRATIONS: readonly ((transaction: StoreTransaction) => Promise<void>)[] = [
  // Refused messages lay under their ids alone, and budgets under devices.
  async (transaction) => {
    await fileRefused(transaction);
    await forgetBudgets(transaction);
    await assumeLoop(transaction);
  },
];

/**
 * The store, whose records are migrated before the first transaction is begun, in one of their own. That rejects with
 * `store.newer` when a newer release has written them, and the next one tries again when it could not be done.
 */
export function withMigrations(store: Store): Store {
  let migrating: Promise<void> | undefined;
  let isDone = false;
  const begin = (): Promise<void> => {
    if (migrating !== undefined) return migrating;
    const begun = store.transaction(migrate);
    migrating = begun;
    begun.then(
      () => {
        isDone = true;
      },
      () => {
        migrating = undefined;
      },
    );
    return begun;
  };
  return {
    transaction<T>(work: StoreWork<T>): Promise<T> {
      if (isDone) return store.transaction(work);
      return begin().then(() => store.transaction(work));
    },
    async close() {
      // What was asked for before comes first.
      await migrating?.catch(() => {});
      await store.close();
    },
  };
}

async function migrate(transaction: StoreTransaction): Promise<void> {
  const known = await getRecord(transaction, keys.recordVersion, RecordVersion);
  const version = known?.version ?? 0;
  if (version > MIGRATIONS.length) {
    throw new ClientError('store.newer', 'the store was written by a newer release');
  }
  if (version === MIGRATIONS.length) return;
  for (const step of MIGRATIONS.slice(version)) await step(transaction);
  const now = { version: MIGRATIONS.length };
  await putRecord(transaction, keys.recordVersion, [RecordVersion, now]);
}

async function fileRefused(transaction: StoreTransaction): Promise<void> {
  for await (const { key, value } of entriesUnder(transaction, keys.allFailed)) {
    const entry = readable(value);
    // A damaged one costs what it holds, and not the store: it stays where nobody looks any more.
    if (entry === undefined) continue;
    await transaction.delete(key);
    await putRefused(transaction, entry);
  }
}

function readable(value: Uint8Array): OutboxEntry | undefined {
  try {
    return decodeRecord(OutboxEntry, value);
  } catch {
    return undefined;
  }
}

/** Whether an application loops over arrivals was not noted. One that does is not to lose those that waited for it. */
async function assumeLoop(transaction: StoreTransaction): Promise<void> {
  if ((await transaction.get(keys.arrivalIds)) === undefined) return;
  await transaction.put(keys.arrivalLoop, new Uint8Array(0));
}

async function forgetBudgets(transaction: StoreTransaction): Promise<void> {
  for (const prefix of ['resend-budget/', 'session-budget/', 'again-budget/', 'control-budget/']) {
    for await (const { key } of entriesUnder(transaction, prefix)) await transaction.delete(key);
  }
}
