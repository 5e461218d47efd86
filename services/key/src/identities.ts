/** Identity keys: one per account. `identity-replacement.ts` gives an account another one, never silently. */
import { ApiError, type Body, type publishIdentity, type UserId } from '@sotto/api';
import { type Actor, noteAudit } from './audit.ts';
import { admitDevice } from './departures.ts';
import { type KeyDeps, requireSound } from './key-deps.ts';
import { addAccountLeaf } from './log/leaves.ts';
import { promptly } from './promptly.ts';
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
  actor: Actor,
  { identityKey, registrationId }: Body<typeof publishIdentity>,
): Promise<PublishedIdentity> {
  await requireSound(deps, { kind: 'identity', identityKey }, () => 'identityKey');
  const { user, device } = actor;
  const at = new Date(deps.clock());
  const identity = {
    user_id: user,
    public_key: identityKey,
    published_at: at,
  };
  const storing = deps.database.query.transaction().execute(async (transaction) => {
    await admitDevice(transaction, actor);
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
    if (published.isNew) {
      await addAccountLeaf(transaction, deps.keyLog.blindingKey, { user, identityKey });
      await noteAudit(transaction, actor, { action: 'identity.published', at });
    }
    return published;
  });
  const { row, isNew } = await promptly(storing);
  if (isNew) {
    deps.events.identityPublished();
    deps.outbox.nudge();
    deps.keyLog.nudge();
  }
  return toPublished(row);
}

/** A user's identity key. Throws `key.identity-unknown`. */
export async function identityOf(query: Query, user: UserId): Promise<PublishedIdentity> {
  const row = await findIdentity(query, user);
  if (row === undefined) throw new ApiError('key.identity-unknown');
  return toPublished(row);
}

/** A stored identity as it is told to others. */
export function toPublished({ user_id, public_key, published_at }: IdentityRow): PublishedIdentity {
  return { user: user_id, identityKey: public_key, publishedAt: published_at.toISOString() };
}
