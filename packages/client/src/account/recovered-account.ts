/** Coming back after a forgotten password. Not with the other ways in: few pages need it at once. */
import { recover } from '@sotto/api';
import { isProblem } from '../errors.ts';
import { keys } from '../store/key-space.ts';
import { type AccountDeps, accountFor, alreadyUsed, type Registered } from './account.ts';
import { enter, type Way } from './way-in.ts';

export interface Recovery {
  readonly username: string;
  readonly recoveryCode: string;
  readonly newPassword: string;
}

/**
 * Sets a new password with the recovery code, and logs in: on the device of this store when it has one, else as a new
 * device. All sessions end, and the code is replaced. Throws `account.exists` when the store belongs to another
 * account, or to a device that the platform does not know by its key (any more): that takes an empty store, and leaves
 * the code as it is. Throws the platform's problems too. When an answer was lost, recovering again from the same store goes on.
 */
export async function recoverAccount(deps: AccountDeps, recovery: Recovery): Promise<Registered> {
  const { username, newPassword: password } = recovery;
  const known = await accountFor(deps.store, username);
  const signed = deps.proofs || known?.isBound === true;
  const body = { ...recovery, ...(known && { device: known.device }) };
  const way: Way = {
    record: keys.recovery,
    isNew: false,
    first: () => deps.exchange(recover, { body }, { signed }),
    doneBefore: 'auth.recovery-wrong',
  };
  return enter(deps, { username, password }, way).catch((error) => {
    throw isProblem(error, 'auth.device-unknown') ? alreadyUsed() : error;
  });
}
