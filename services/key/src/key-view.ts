/** A device's keys as the platform has them: counted, and compared with what the device believes. */
import { createHash } from 'node:crypto';
import { ApiError } from '@sotto/api';
import type { Caller } from '@sotto/runtime';
import { findSignedList } from './device-list-store.ts';
import type { KeyDeps } from './key-deps.ts';
import { SIGNED_PREKEY_OLD_MS } from './limits.ts';
import {
  countOneTimePrekeys,
  findDevice,
  findIdentity,
  newestSignedPrekey,
  type Query,
} from './store.ts';

/** What waits to be handed out of this device, and whether its signed prekey is to be replaced. */
export async function countKeys(
  { database: { query }, clock }: Pick<KeyDeps, 'database' | 'clock'>,
  { device }: Caller,
): Promise<{
  oneTimePrekeys: number;
  oneTimeMark: number;
  signedPrekey?: number;
  signedPrekeyOld?: true;
}> {
  const known = await findDevice(query, device);
  const signed = await newestSignedPrekey(query, device);
  const isOld =
    signed !== undefined && clock() - signed.published_at.getTime() > SIGNED_PREKEY_OLD_MS;
  return {
    oneTimePrekeys: await countOneTimePrekeys(query, device),
    oneTimeMark: known?.one_time_mark ?? 0,
    ...(signed !== undefined && { signedPrekey: signed.id }),
    ...(isOld && { signedPrekeyOld: true }),
  };
}

/**
 * Compares digests of this device's keys. Throws `key.view-differs`, and `key.identity-missing` for a device that has
 * published none.
 */
export async function compareView(
  { database: { query } }: Pick<KeyDeps, 'database'>,
  caller: Caller,
  digest: Uint8Array,
): Promise<{ digest: Uint8Array }> {
  const own = await digestOf(query, caller);
  if (!own.equals(digest)) throw new ApiError('key.view-differs');
  return { digest: own };
}

/** What has not been published counts as zeros. */
async function digestOf(query: Query, { user, device }: Caller): Promise<Buffer> {
  const identity = await findIdentity(query, user);
  const known = await findDevice(query, device);
  if (identity === undefined || known === undefined) throw new ApiError('key.identity-missing');
  const signed = await newestSignedPrekey(query, device);
  const list = await findSignedList(query, user);
  return createHash('sha256')
    .update(identity.public_key)
    .update(u32be(known.registration_id))
    .update(u32be(signed?.id ?? 0))
    .update(signed?.public_key ?? NO_KEY)
    .update(u32be(known.one_time_mark))
    .update(u32be(list?.version ?? 0))
    .digest();
}

const NO_KEY = new Uint8Array(32);

function u32be(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
