/**
 * One opaque message for a device that is being linked: encrypted for a key that only that device has, left under the
 * hash of that key, kept for ten minutes. Whoever knows the hash may read it, and can do nothing with it.
 */
import { ApiError, PROVISIONING_SECONDS } from '@sotto/api';
import type { Caller, Logger } from '@sotto/runtime';
import { sql } from 'kysely';
import { lockAccount } from './departure-store.ts';
import type { KeyDeps } from './key-deps.ts';
import { PROVISIONING_PER_USER_MAX, PROVISIONING_SWEEP_MS } from './limits.ts';
import type { KeyTransaction, Query } from './store.ts';

type Deps = Pick<KeyDeps, 'database' | 'clock'>;

/**
 * Leaves a message. The same again changes nothing. Throws `key.channel-taken` for another message in a channel, and
 * `rate.limited` when too many messages of the caller wait.
 */
export async function leaveMessage(
  { database, clock }: Deps,
  { user }: Caller,
  { channel, message }: { channel: Uint8Array; message: Uint8Array },
): Promise<void> {
  const now = clock();
  await database.query.transaction().execute(async (transaction) => {
    await lockAccount(transaction, user);
    await transaction.deleteFrom('provisioning').where('expires_at', '<=', new Date(now)).execute();
    await requireRoom(transaction, { user, channel });
    const expiresAt = new Date(now + PROVISIONING_SECONDS * 1000);
    await transaction
      .insertInto('provisioning')
      .values({ channel, user_id: user, message, expires_at: expiresAt })
      .onConflict((conflict) => conflict.column('channel').doNothing())
      .execute();
    const { message: kept } = await transaction
      .selectFrom('provisioning')
      .select('message')
      .where('channel', '=', channel)
      .executeTakeFirstOrThrow();
    if (!Buffer.from(kept).equals(message)) throw new ApiError('key.channel-taken');
  });
}

/** The message of a channel. Throws `key.channel-unknown`. */
export async function readMessage(
  { database, clock }: Deps,
  channel: Uint8Array,
): Promise<{ message: Uint8Array }> {
  const row = await database.query
    .selectFrom('provisioning')
    .select('message')
    .where('channel', '=', channel)
    .where('expires_at', '>', new Date(clock()))
    .executeTakeFirst();
  if (row === undefined) throw new ApiError('key.channel-unknown');
  return { message: row.message };
}

/** Deletes what nobody came for, now and then, until it is closed. */
export function sweepProvisioning({ database, clock }: Deps, log: Logger): { close(): void } {
  const sweep = (): void => {
    deleteOld(database.query, new Date(clock())).catch((error) =>
      log.warn('old provisioning messages stay', { error }),
    );
  };
  const timer = setInterval(sweep, PROVISIONING_SWEEP_MS);
  return { close: () => clearInterval(timer) };
}

async function deleteOld(query: Query, now: Date): Promise<void> {
  await query.deleteFrom('provisioning').where('expires_at', '<=', now).execute();
}

/** Within the account's lock, so that parallel requests do not pass together. */
async function requireRoom(
  transaction: KeyTransaction,
  { user, channel }: { user: Caller['user']; channel: Uint8Array },
): Promise<void> {
  const { rows } = await sql<{ waiting: number }>`
    select count(*) as waiting from provisioning where user_id = ${user} and channel <> ${channel}
  `.execute(transaction);
  if ((rows[0]?.waiting ?? 0) >= PROVISIONING_PER_USER_MAX) {
    throw new ApiError('rate.limited', { retryAfter: PROVISIONING_SECONDS });
  }
}
