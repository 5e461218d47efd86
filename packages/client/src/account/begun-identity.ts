/** A change of identity that was cut off, which is gone on with before anything is done under either identity. */
import { loadLatePart } from '../load-late.ts';
import { keys } from '../store/key-space.ts';
import type { NextIdentityDeps } from './next-identity.ts';

/** Ends a change whose outcome is not known yet. True when there was one. Throws as `makeNextIdentity` does. */
export async function finishNextIdentity(deps: NextIdentityDeps): Promise<boolean> {
  const begun = await deps.store.transaction((transaction) => transaction.get(keys.nextIdentity));
  if (begun === undefined) return false;
  const { makeNextIdentity } = await loadLatePart();
  await makeNextIdentity(deps);
  return true;
}
