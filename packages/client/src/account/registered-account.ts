/** Making an account. Not with the other ways in: few pages need it at once. */
import { register } from '@sotto/api';
import { keys } from '../store/key-space.ts';
import type { AccountDeps, NewAccount, Registered } from './account.ts';
import { enter } from './way-in.ts';

/**
 * Makes an account with this store as its first device. Throws `account.exists` when the store has one already, and
 * the platform's problems. When an answer was lost, registering again from the same store logs in instead.
 */
export function registerAccount(deps: AccountDeps, account: NewAccount): Promise<Registered> {
  return enter(deps, account, {
    record: keys.registration,
    isNew: true,
    first: () => deps.exchange(register, { body: { ...account } }, { signed: deps.proofs }),
    doneBefore: 'auth.username-taken',
  });
}
