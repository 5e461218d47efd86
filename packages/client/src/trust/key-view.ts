/**
 * This device's keys as it believes the platform to have them, held against what the platform has. They differ when one
 * of the two was restored from a backup or copied; then this device publishes new keys with ids that neither has used.
 */
import { checkKeys } from '@sotto/api';
import { CryptoError } from '@sotto/crypto';
import {
  fetchOwnList,
  type OwnListDeps,
  ownListHead,
  republishOwnList,
} from '../account/own-list.ts';
import { listSignedPrekeys, type PrekeyDeps } from '../account/prekeys.ts';
import { catchUpPrekeys } from '../account/stale-store.ts';
import { ClientError, isProblem } from '../errors.ts';
import { keys } from '../store/key-space.ts';
import { Counter, getRecord } from '../store/stored-record.ts';

export type KeyViewDeps = PrekeyDeps & OwnListDeps;

/** Compares, and mends what differs. Throws `answer.invalid` when that does not help, and what calls throw. */
export async function checkKeyView(deps: KeyViewDeps): Promise<void> {
  if (await agrees(deps)) return;
  await catchUp(deps);
  if (await agrees(deps)) return;
  throw new ClientError('answer.invalid', 'the platform does not keep the keys of this device');
}

async function agrees(deps: KeyViewDeps): Promise<boolean> {
  try {
    await deps.call(checkKeys, { query: { digest: await digestOf(deps) } });
    return true;
  } catch (error) {
    if (isProblem(error, 'key.view-differs')) return false;
    throw error;
  }
}

/** New keys above all ids that either side knows; the list as the platform has it, or ours when it has lost that or has an older one. */
async function catchUp(deps: KeyViewDeps): Promise<void> {
  await catchUpPrekeys(deps);
  try {
    await fetchOwnList(deps);
  } catch (error) {
    const isOlder = error instanceof CryptoError && error.code === 'head.rolled-back';
    if (!isOlder && !isProblem(error, 'key.list-unknown')) throw error;
    await republishOwnList(deps);
  }
}

/** As the contract lays it out (`checkKeys`). */
async function digestOf({ store, provider, local }: KeyViewDeps): Promise<Uint8Array> {
  const { signed, oneTimeIds, list } = await store.transaction(async (transaction) => ({
    signed: (await listSignedPrekeys(transaction)).findLast(({ published }) => published),
    oneTimeIds: await getRecord(transaction, keys.oneTimePrekeyIds, Counter),
    list: await ownListHead(transaction),
  }));
  const parts = [
    local.identity.publicKey,
    u32be(local.registrationId),
    u32be(signed?.id ?? 0),
    signed?.publicKey ?? new Uint8Array(32),
    u32be((oneTimeIds?.next ?? 1) - 1),
    u32be(list?.version ?? 0),
  ];
  return provider.sha256(Uint8Array.from(parts.flatMap((part) => [...part])));
}

function u32be(value: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, value);
  return new Uint8Array(view.buffer);
}
