/**
 * One-time prekeys: each is handed out exactly once, and its id never comes back.
 *
 * Ids rise. A device's mark is the highest that was ever stored: what lies above it is new, what lies below was
 * stored or issued before and is compared, never stored again.
 */
import { ApiError, ONE_TIME_PREKEYS_PER_DEVICE_MAX, type OneTimePrekey } from '@sotto/api';
import { type Actor, noteAudit } from './audit.ts';
import { type KeyDeps, requireSound } from './key-deps.ts';
import { ISSUED_PREKEYS_KEPT } from './limits.ts';
import { promptly } from './promptly.ts';
import {
  countOneTimePrekeys,
  type DeviceRow,
  deleteIssuedPrekeys,
  insertOneTimePrekeys,
  type KeyTransaction,
  knownOneTimePrekeys,
  lockDevice,
} from './store.ts';

/**
 * Stores prekeys of this device, all or none; says how many now wait. Those that were stored before, or even handed
 * out, change nothing. Throws `key.identity-missing`, `key.key-invalid` with the first such key, `key.id-conflict`
 * with every key whose id is taken, `key.too-many`.
 */
export async function publishPrekeys(
  deps: KeyDeps,
  actor: Actor,
  prekeys: readonly OneTimePrekey[],
): Promise<{ available: number }> {
  requireDistinctIds(prekeys);
  const publicKeys = prekeys.map(({ publicKey }) => publicKey);
  await requireSound(deps, { kind: 'one-time-prekeys', publicKeys }, fieldOf);
  const storing = deps.database.query.transaction().execute(async (transaction) => {
    const known = await lockDevice(transaction, actor.device);
    if (known === undefined) throw new ApiError('key.identity-missing');
    const outcome = await addPrekeys(transaction, known, prekeys);
    if (outcome.added > 0) {
      const at = new Date(deps.clock());
      const note = { action: 'prekeys.published', at, count: outcome.added } as const;
      await noteAudit(transaction, actor, note);
    }
    return outcome;
  });
  const { added, available } = await promptly(storing);
  if (added > 0) {
    deps.events.oneTimePrekeysPublished(added);
    deps.outbox.nudge();
  }
  return { available };
}

async function addPrekeys(
  transaction: KeyTransaction,
  { id: device, one_time_mark: mark }: DeviceRow,
  prekeys: readonly OneTimePrekey[],
): Promise<{ added: number; available: number }> {
  const ids = prekeys.map(({ id }) => id);
  const known = await knownOneTimePrekeys(transaction, device, ids);
  refuseTakenIds(prekeys, known, mark);
  const fresh = prekeys.filter(({ id }) => id > mark);
  const stored = await countOneTimePrekeys(transaction, device);
  const available = stored + fresh.length;
  if (fresh.length === 0) return { added: 0, available };
  if (available > ONE_TIME_PREKEYS_PER_DEVICE_MAX) {
    throw new ApiError('key.too-many', { detail: `${stored} wait already` });
  }
  const newMark = Math.max(...fresh.map(({ id }) => id));
  await insertOneTimePrekeys(transaction, device, {
    prekeys: fresh.map(({ id, publicKey }) => ({ device_id: device, id, public_key: publicKey })),
    mark: newMark,
  });
  await deleteIssuedPrekeys(transaction, { device, upTo: newMark - ISSUED_PREKEYS_KEPT });
  return { added: fresh.length, available };
}

function requireDistinctIds(prekeys: readonly OneTimePrekey[]): void {
  const seen = new Set<number>();
  for (const [index, { id }] of prekeys.entries()) {
    if (seen.has(id)) {
      throw new ApiError('request.invalid', {
        detail: 'an id is repeated',
        fields: [fieldOf(index)],
      });
    }
    seen.add(id);
  }
}

/** At or below the mark, only a key that is known by its bytes may come again. */
function refuseTakenIds(
  prekeys: readonly OneTimePrekey[],
  known: ReadonlyMap<number, Uint8Array>,
  mark: number,
): void {
  const taken = [...prekeys.entries()].filter(([, { id, publicKey }]) => {
    const before = known.get(id);
    return id <= mark && (before === undefined || !Buffer.from(before).equals(publicKey));
  });
  if (taken.length === 0) return;
  throw new ApiError('key.id-conflict', {
    detail: `ids up to ${mark} are taken`,
    fields: taken.map(([index]) => fieldOf(index)),
  });
}

function fieldOf(index: number): string {
  return `prekeys.${index}`;
}
