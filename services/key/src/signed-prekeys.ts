/** Signed prekeys: the one with the highest id is handed out. */
import { ApiError, type Body, type publishSignedPrekey } from '@sotto/api';
import type { Caller } from '@sotto/runtime';
import { joinDeviceList } from './device-lists.ts';
import { type KeyDeps, requireSound } from './key-deps.ts';
import { SIGNED_PREKEYS_KEPT } from './limits.ts';
import {
  findIdentity,
  findSignedPrekey,
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
 * Publishes this device's next signed prekey; the first puts the device on its account's list. The same again changes
 * nothing. Throws `key.identity-missing`, `key.key-invalid`, `key.signature-invalid`, and `key.id-conflict` for an id
 * that is another key's, or that is not above all earlier ones.
 */
export async function publishPrekey(
  deps: KeyDeps,
  { user, device }: Caller,
  prekey: Body<typeof publishSignedPrekey>,
): Promise<PublishedPrekey> {
  const identity = await findIdentity(deps.database.query, user);
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
  const { publishedAt, isNew, hasJoined } = await deps.database.query
    .transaction()
    .execute(async (transaction) => {
      if ((await lockDevice(transaction, device)) === undefined) {
        throw new ApiError('key.identity-missing');
      }
      const before = await storedBefore(transaction, row);
      if (before !== undefined) return { publishedAt: before, isNew: false, hasJoined: false };
      await insertSignedPrekey(transaction, row, SIGNED_PREKEYS_KEPT);
      const hasJoined = await joinDeviceList(transaction, { user, device, at });
      return { publishedAt: at, isNew: true, hasJoined };
    });
  if (isNew) deps.events.signedPrekeyPublished();
  if (hasJoined) {
    deps.events.deviceListChanged();
    deps.outbox.nudge();
  }
  return { id: prekey.id, publishedAt: publishedAt.toISOString() };
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
