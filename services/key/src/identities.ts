/** Identity keys: one per account, never replaced silently. */
import { ApiError, type Body, type publishIdentity, type UserId } from '@sotto/api';
import type { Caller } from '@sotto/runtime';
import { type KeyDeps, requireSound } from './key-deps.ts';
import {
  findIdentity,
  type IdentityRow,
  insertDevice,
  insertIdentity,
  type Query,
} from './store.ts';

/** An identity as it is told to others. */
export interface PublishedIdentity {
  user: UserId;
  identityKey: Uint8Array;
  publishedAt: string;
}

/**
 * Publishes the account's identity key and makes this device known. The same again changes nothing. Throws
 * `key.key-invalid`, `key.identity-exists` when the account has another identity, and `key.id-conflict` when the
 * device was published with another registration id: a device that was set up anew logs in as a new one.
 */
export async function publishIdentityKey(
  deps: KeyDeps,
  { user, device }: Caller,
  { identityKey, registrationId }: Body<typeof publishIdentity>,
): Promise<PublishedIdentity> {
  await requireSound(deps, { kind: 'identity', identityKey }, () => 'identityKey');
  const identity = {
    user_id: user,
    public_key: identityKey,
    published_at: new Date(deps.clock()),
  };
  const { row, isNew } = await deps.database.query.transaction().execute(async (transaction) => {
    const published = await insertIdentity(transaction, identity);
    if (!Buffer.from(identityKey).equals(published.row.public_key)) {
      throw new ApiError('key.identity-exists');
    }
    const known = await insertDevice(transaction, {
      id: device,
      user_id: user,
      registration_id: registrationId,
    });
    if (known.registration_id !== registrationId) {
      throw new ApiError('key.id-conflict', {
        detail: 'this device has another registration id',
        fields: ['registrationId'],
      });
    }
    return published;
  });
  if (isNew) deps.events.identityPublished();
  return toPublished(row);
}

/** A user's identity key. Throws `key.identity-unknown`. */
export async function identityOf(query: Query, user: UserId): Promise<PublishedIdentity> {
  const row = await findIdentity(query, user);
  if (row === undefined) throw new ApiError('key.identity-unknown');
  return toPublished(row);
}

function toPublished({ user_id, public_key, published_at }: IdentityRow): PublishedIdentity {
  return { user: user_id, identityKey: public_key, publishedAt: published_at.toISOString() };
}
