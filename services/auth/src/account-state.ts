/** Whether an account may be used. */
import { ApiError } from '@sotto/api';
import type { User } from './store.ts';

/** Throws `auth.account-disabled`. To be asked once somebody has shown that the account is theirs, and not before. */
export function refuseDisabled({ disabled_at }: Pick<User, 'disabled_at'>): void {
  if (disabled_at !== null) throw new ApiError('auth.account-disabled');
}
