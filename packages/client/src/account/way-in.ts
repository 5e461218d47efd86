/** Ways into an account that work once, so that a lost answer must not close them: registering, recovering. */
import { ApiError, type Login, type ProblemCode, renewRecoveryCode } from '@sotto/api';
import { isProblem } from '../errors.ts';
import { keys } from '../store/key-space.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import {
  type AccountDeps,
  alreadyUsed,
  type Credentials,
  exchangePassword,
  keep,
  type Registered,
} from './account.ts';
import { Entry } from './records.ts';
import { restoredAccount } from './restored-account.ts';

/** A way into an account that works once, and whose answer may be lost. */
export interface Way {
  /** Where it is noted that this way was tried. */
  readonly record: typeof keys.registration | typeof keys.recovery;
  /** It makes the account, so it finds none in the store but what an earlier try has left. */
  readonly isNew: boolean;
  readonly first: () => Promise<Login & { recoveryCode?: string | undefined }>;
  /** What the platform says when the way was gone before. */
  readonly doneBefore: ProblemCode;
}

/** Goes in by a way; when it was gone before, by the password that it set. Ends with a recovery code either way. */
export async function enter(
  deps: AccountDeps,
  credentials: Credentials,
  way: Way,
): Promise<Registered> {
  const { store } = deps;
  const { username, password } = credentials;
  const triedBefore = await store.transaction(async (transaction) => {
    const before = await getRecord(transaction, way.record, Entry);
    const isAgain = before?.username === username;
    const restored = await restoredAccount(transaction);
    const isUsed = restored || (!isAgain && (await transaction.get(keys.account)));
    if (way.isNew && isUsed) throw alreadyUsed();
    await putRecord(transaction, way.record, [Entry, { username }]);
    return isAgain;
  });
  const answer = await goIn(deps, credentials, { ...way, triedBefore });
  const me = await keep(deps, answer, { isNew: way.isNew });
  const recoveryCode =
    answer.recoveryCode ??
    (await deps.call(renewRecoveryCode, { body: { password } })).recoveryCode;
  await store.transaction((transaction) => transaction.delete(way.record));
  return { ...me, recoveryCode };
}

async function goIn(
  deps: AccountDeps,
  credentials: Credentials,
  { first, doneBefore, record, triedBefore }: Way & { readonly triedBefore: boolean },
): Promise<Login & { recoveryCode?: string | undefined }> {
  try {
    return await first();
  } catch (error) {
    // A plain refusal says that nothing has happened; everything else leaves that open.
    if (!triedBefore && error instanceof ApiError && error.status < 500) {
      await deps.store.transaction((transaction) => transaction.delete(record));
    }
    if (!triedBefore || !isProblem(error, doneBefore)) throw error;
    return exchangePassword(deps, credentials).catch((cause) => {
      // It was somebody else's name, or the code is wrong, after all.
      throw isProblem(cause, 'auth.credentials-wrong') ? error : cause;
    });
  }
}
