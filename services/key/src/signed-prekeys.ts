/** Signed prekeys: the one with the highest id is handed out. */
import { ApiError, type Body, type publishSignedPrekey } from '@sotto/api';
import { type Actor, noteAudit } from './audit.ts';
import { type KeyDeps, requireSound } from './key-deps.ts';
import { promptly } from './promptly.ts';
import {
  findIdentity,
  findSignedPrekey,
  type IdentityRow,
  insertSignedPrekey,
  type KeyTransaction,
  lockDevice,
  newestSignedPrekey,
  type SignedPrekeyRow,
} from './store.ts';

/** Which signed prekey is published, and since when. */
export interface PublishedPrekey {
  id: number;
  publishedAt: string;
}

/**
 * Publishes this device's next signed prekey; with the first the device may go on its account's list. The same again
 * changes nothing. Throws `key.identity-missing`, `key.key-invalid`, `key.signature-invalid`, and `key.id-conflict` for an id
 * that is another key's, or that is not above all earlier ones; `rate.limited`.
 */
export async function publishPrekey(
  deps: KeyDeps,
  actor: Actor,
  prekey: Body<typeof publishSignedPrekey>,
): Promise<PublishedPrekey> {
  const upload = () => storePrekey(deps, actor, prekey);
  const { publishedAt, isNew } = await deps.uploadLimits.signedPrekeys(actor, upload);
  if (isNew) {
    deps.events.signedPrekeyPublished();
    deps.outbox.nudge();
  }
  return { id: prekey.id, publishedAt: publishedAt.toISOString() };
}

async function storePrekey(
  deps: KeyDeps,
  actor: Actor,
  prekey: Body<typeof publishSignedPrekey>,
): Promise<{ publishedAt: Date; isNew: boolean }> {
  const { user, device } = actor;
  const identity = await promptly(findIdentity(deps.database.query, user));
  if (identity === undefined) throw new ApiError('key.identity-missing');
  const check = { kind: 'signed-prekey', identityKey: identity.public_key, prekey } as const;
  await requireSound(deps, check, () => 'signedPrekey');
  const at = new Date(deps.clock());
  const row = {
    device_id: device,
    id: prekey.id,
    public_key: prekey.publicKey,
    suites: prekey.suites,
    signature: prekey.signature,
    published_at: at,
  };
  const storing = deps.database.query.transaction().execute(async (transaction) => {
    if ((await lockDevice(transaction, device)) === undefined) {
      throw new ApiError('key.identity-missing');
    }
    await requireIdentity(transaction, identity);
    const before = await storedBefore(transaction, row);
    if (before !== undefined) return { publishedAt: before, isNew: false };
    await insertSignedPrekey(transaction, row);
    await noteAudit(transaction, actor, { action: 'prekeys.published', at, count: 1 });
    return { publishedAt: at, isNew: true };
  });
  return promptly(storing);
}

/** It was checked under this identity, which may have been replaced meanwhile: that takes the lock of the device too. */
async function requireIdentity(
  transaction: KeyTransaction,
  { user_id, public_key }: IdentityRow,
): Promise<void> {
  const now = await findIdentity(transaction, user_id);
  if (now !== undefined && Buffer.from(now.public_key).equals(public_key)) return;
  throw new ApiError('key.signature-invalid', { fields: ['signedPrekey'] });
}

/** When this very prekey was stored before; undefined when its id is still free. */
async function storedBefore(
  transaction: KeyTransaction,
  row: SignedPrekeyRow,
): Promise<Date | undefined> {
  const same = await findSignedPrekey(transaction, { device: row.device_id, id: row.id });
  if (same !== undefined && isSame(same, row)) return same.published_at;
  const newest = await newestSignedPrekey(transaction, row.device_id);
  if (same === undefined && (newest === undefined || newest.id < row.id)) return undefined;
  throw new ApiError('key.id-conflict', { fields: ['id'] });
}

function isSame(a: SignedPrekeyRow, b: SignedPrekeyRow): boolean {
  return (
    Buffer.from(a.public_key).equals(b.public_key) &&
    Buffer.from(a.signature).equals(b.signature) &&
    a.suites.join() === b.suites.join()
  );
}
