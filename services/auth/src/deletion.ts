/**
 * The end of an account (DESIGN 6).
 *
 * Deleting marks it: nobody can log in, its sessions end, and one event tells the other services to erase what they
 * hold. The rows here go an hour later and not at once, because services that missed the event about an ended session
 * still ask for it, for as long as its access token lives.
 */
import type { DeviceId, UserId } from '@sotto/api';
import { type Closable, enqueueEvent, type Logger } from '@sotto/runtime';
import { eraseAccount, everyDevice, findErasable, markDeleted } from './account-store.ts';
import { ANNOUNCED_DEVICES_MAX, ERASURE_AFTER_MS, ERASURE_EVERY_MS } from './limits.ts';
import {
  type Confirmation,
  type ConfirmationDeps,
  confirmPassword,
} from './password-confirmation.ts';
import { endSessionsOfUser } from './session-store.ts';
import { announceEnded, type SessionDeps, sessionsEnded } from './sessions.ts';
import { type AuthTransaction, type EndedSession, lockUser } from './store.ts';

/** Deletes the caller's account. Throws what `confirmPassword` does. */
export async function deleteAccount(
  deps: ConfirmationDeps,
  confirmation: Confirmation,
): Promise<void> {
  const { id: user } = await confirmPassword(deps, confirmation);
  const source = confirmation.address;
  const ended = await deps.database.query
    .transaction()
    .execute((transaction) => deleteIn(deps, transaction, { user, source }));
  deps.outbox.nudge();
  sessionsEnded(deps, ended);
}

/**
 * Deletes an account in a transaction of the caller's, and returns the sessions that ended. `source` is the address
 * where the wish came from. Doing so again changes nothing.
 */
export async function deleteIn(
  { audit, clock }: Pick<SessionDeps, 'audit' | 'clock'>,
  transaction: AuthTransaction,
  { user, source }: { user: UserId; source?: string | undefined },
): Promise<EndedSession[]> {
  await lockUser(transaction, user);
  if (!(await markDeleted(transaction, user))) return [];
  const ended = await endSessionsOfUser(transaction, { user });
  await announceEnded(transaction, ended);
  const at = new Date(clock()).toISOString();
  for (const devices of pagesOf(await everyDevice(transaction, user))) {
    await enqueueEvent(transaction, 'events.account.deleted', { user, at, devices });
  }
  await audit.note(transaction, { action: 'account.deleted', user, source });
  return ended;
}

/** One page at least: also an account without devices is to be erased. */
function pagesOf(devices: readonly DeviceId[]): DeviceId[][] {
  const pages = Math.max(1, Math.ceil(devices.length / ANNOUNCED_DEVICES_MAX));
  return Array.from({ length: pages }, (_, page) => {
    const from = page * ANNOUNCED_DEVICES_MAX;
    return devices.slice(from, from + ANNOUNCED_DEVICES_MAX);
  });
}

/** Erases the accounts that were deleted long enough ago. Safe in many processes at once. */
export async function eraseDeleted({ database }: Pick<SessionDeps, 'database'>): Promise<void> {
  for (const user of await findErasable(database.query, ERASURE_AFTER_MS)) {
    await database.query.transaction().execute((transaction) => eraseAccount(transaction, user));
  }
}

/** Erases now and then. Close it. */
export function startErasure(deps: Pick<SessionDeps, 'database'>, log: Logger): Closable {
  let erasing = Promise.resolve();
  function erase(): void {
    erasing = eraseDeleted(deps).catch((error) => {
      log.warn('deleted accounts cannot be erased', { error });
    });
  }
  erase();
  const timer = setInterval(erase, ERASURE_EVERY_MS);
  return {
    async close() {
      clearInterval(timer);
      await erasing;
    },
  };
}
