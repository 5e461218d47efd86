/** What keeps this device reachable: its prekeys, its place on the account's device list, and that the platform has them. */
import { isProblem } from '../errors.ts';
import { loadLatePart } from '../load-late.ts';
import { checkKeyView, type KeyViewDeps } from '../trust/key-view.ts';
import type { ListDeps } from '../trust/peer-lists.ts';
import { isListed, keepOwnList } from './own-list.ts';
import { keepPrekeys } from './prekeys.ts';
import { catchUpPrekeys } from './stale-store.ts';

/**
 * Looks after all of it; safe to repeat at any time. Throws while nobody can write to this device yet; what fails later
 * is told by an event, and is to be done again: then it gives `owed`.
 */
export async function keepKeys(deps: KeyViewDeps & ListDeps): Promise<'kept' | 'owed'> {
  await keepPrekeys(deps).catch(async (error) => {
    if (isProblem(error, 'key.identity-exists')) {
      const { claimIdentity } = await loadLatePart();
      await claimIdentity(deps, error);
    } else if (isProblem(error, 'key.id-conflict')) await catchUpPrekeys(deps, { isRefused: true });
    else throw error;
    await keepPrekeys(deps);
  });
  try {
    await keepOwnList(deps);
    await checkKeyView(deps);
    return 'kept';
  } catch (error) {
    if (!(await isListed(deps.store))) throw error;
    deps.events.emit('trouble', { error });
    return 'owed';
  }
}
