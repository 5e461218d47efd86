/**
 * The new device's side of linking: it shows a code, waits for what the other device answers, makes it its own, logs in
 * by its key, publishes its prekeys and puts itself on the account's signed list. What came is in the store before the
 * key that reads it is forgotten, so after a crash the same call goes on.
 */
import { DeviceId, FileId, PROVISIONING_SECONDS, takeProvisioning, UserId } from '@sotto/api';
import {
  agreementPublicKey,
  CryptoError,
  makeAgreementKeyPair,
  makeRegistrationId,
  signingKeyPairOf,
} from '@sotto/crypto';
import {
  linkChannel,
  openProvision,
  type Provision,
  type ProvisionedContact,
} from '@sotto/crypto/provisioning';
import { pause } from '../connection/back-off.ts';
import { heeding } from '../connection/heeding.ts';
import { ClientError, ConnectionError, isProblem } from '../errors.ts';
import { LINK_POLL_MS } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import { ContactLeaf, LogPin, OwnLeaf, SeenTree } from '../trust/log-standing.ts';
import { noteNotice } from '../trust/notices.ts';
import { type AccountDeps, logInByDevice, type Me } from './account.ts';
import { adoptIdentity, deleteAll, forgetIdentity, nextSignedPrekey } from './identity-change.ts';
import { encodeLinkCode } from './link-code.ts';
import { takeHistory } from './link-history.ts';
import { hasJoined } from './own-list.ts';
import {
  Account,
  agreementKeyPair,
  HeadRecord,
  type HistoryReference,
  IdentityRecord,
  LinkRecord,
  Peer,
  SignedPrekeyRecord,
} from './records.ts';
import { restoredAccount } from './restored-account.ts';

export interface NewDeviceDeps extends AccountDeps {
  /** Ends the waiting: the client closes, or nobody waits. */
  readonly signal: AbortSignal;
  /** Publishes this device's keys and puts it on the account's list; called once it is logged in. */
  readonly join: () => Promise<void>;
  /** Forgets what is held in memory of a store that is no account's any more. */
  readonly reload: () => Promise<void>;
  /** The history that the other device has left cannot be had. */
  readonly onHistoryLost: (error: unknown) => void;
}

type Joining = NonNullable<LinkRecord['joining']>;

/** A device that waits to be linked. */
export interface Link {
  /** To be shown as a QR code or as text, on this device alone: whoever reads it can link it to an account. */
  readonly code: string;
  /**
   * Whose device this is, once it is one: to be shown to the person before anything else. Rejects with `link.expired`
   * when no answer came in ten minutes or the other device has not waited, `link.refused` for an answer to something else, `account.exists` when the store
   * belongs to another account, `client.closed`, the reason of the signal, and the platform's problems; after a crash or
   * one of these, beginning again goes on.
   */
  readonly completed: Promise<Me>;
}

/** Makes an offer, or goes on with the one in the store. Throws `backup.unfinished`. */
export async function beginLink(deps: NewDeviceDeps): Promise<Link> {
  const { publicKey: deviceKey } = await deps.deviceKey();
  const record = await needOffer(deps);
  const ephemeralKey = agreementPublicKey<'provisioning'>(record.publicKey);
  const code = encodeLinkCode({ ephemeralKey, deviceKey });
  const completed = heeding(deps, () => complete(deps, record));
  completed.catch(() => {}); // Whoever wants to know awaits it.
  return { code, completed };
}

async function complete(deps: NewDeviceDeps, record: LinkRecord): Promise<Me> {
  const { joining = await awaitProvision(deps, record) } = record;
  const me = await logInByDevice(deps, joining.device).catch((error) => {
    if (!isProblem(error, 'auth.challenge-wrong')) throw error;
    return giveUp(deps, joining, error);
  });
  if (me.user !== joining.user || me.device !== joining.device) {
    await deps.store.transaction((transaction) => transaction.delete(keys.account));
    throw new ClientError('answer.invalid', 'the platform logged in somebody else');
  }
  await deps.join();
  const lost = joining.history && (await fetchHistory(deps, joining.history));
  await deps.store.transaction(async (transaction) => {
    await transaction.delete(keys.link);
    if (lost) await noteNotice(transaction, { kind: 'history-lost' });
  });
  if (lost) deps.onHistoryLost(lost.error);
  return me;
}

/** What does not come now is told: a device is linked with or without a past. */
async function fetchHistory(
  deps: NewDeviceDeps,
  history: HistoryReference,
): Promise<{ error: unknown } | undefined> {
  try {
    await takeHistory(deps, history);
    return undefined;
  } catch (error) {
    if (deps.signal.aborted || error instanceof ConnectionError) throw error;
    return { error };
  }
}

/**
 * The platform does not know the device any more: the other one has waited too long for it. Its id and its key are spent,
 * so the next offer is that of another device. A store that had a life before the link keeps all but the offer.
 */
async function giveUp(deps: NewDeviceDeps, joining: Joining, cause: unknown): Promise<never> {
  const isForgotten = await deps.store.transaction(async (transaction) => {
    await transaction.delete(keys.link);
    const account = await getRecord(transaction, keys.account, Account);
    const isOther = account !== undefined && account.device !== joining.device;
    if (!joining.isNew || isOther || (await hasJoined(transaction))) return false;
    await forgetJoining(transaction);
    return true;
  });
  if (!isForgotten) throw cause;
  await deps.reload();
  throw new ClientError('link.expired', 'the other device has not waited for this one', { cause });
}

/** All that {@link adopt} and what followed on it have put into a new store. */
async function forgetJoining(transaction: StoreTransaction): Promise<void> {
  await forgetIdentity(transaction);
  const { account, deviceKey, signedPrekeyIds, oneTimePrekeyIds, ownList, logPin, logTree } = keys;
  for (const key of [account, deviceKey, signedPrekeyIds, oneTimePrekeyIds]) {
    await transaction.delete(key);
  }
  for (const key of [ownList, logPin, logTree]) await transaction.delete(key);
  for (const prefix of [keys.peers, keys.logLeaves]) await deleteAll(transaction, prefix);
}

/** Waits for what is left in the channel, and makes it this device's own. */
async function awaitProvision(deps: NewDeviceDeps, record: LinkRecord): Promise<Joining> {
  const { secretKey, publicKey } = record;
  if (secretKey === undefined) throw new ClientError('store.invalid', 'an offer without its key');
  const ephemeral = agreementKeyPair<'provisioning'>({ secretKey, publicKey });
  const { publicKey: deviceKey } = await deps.deviceKey();
  const channel = linkChannel(deps.provider, { ephemeralKey: ephemeral.publicKey, deviceKey });
  const message = await awaitMessage(deps, channel, record.madeAt);
  try {
    const provision = openProvision(deps.provider, { ephemeral, deviceKey }, message);
    return await deps.store.transaction((transaction) =>
      adopt(deps, transaction, { record, provision }),
    );
  } catch (error) {
    await deps.store.transaction((transaction) => transaction.delete(keys.link));
    if (!(error instanceof CryptoError)) throw error;
    throw new ClientError('link.refused', 'the answer is not to this code', { cause: error });
  }
}

async function awaitMessage(
  { exchange, store, clock, signal }: NewDeviceDeps,
  channel: Uint8Array,
  madeAt: number,
): Promise<Uint8Array> {
  while (clock() < madeAt + PROVISIONING_SECONDS * 1000) {
    signal.throwIfAborted();
    try {
      return (await exchange(takeProvisioning, { params: { channel } })).message;
    } catch (error) {
      if (!isStillToCome(error)) throw error;
    }
    await pause(LINK_POLL_MS, signal);
  }
  await store.transaction((transaction) => transaction.delete(keys.link));
  throw new ClientError('link.expired', 'nobody has answered the code');
}

function isStillToCome(error: unknown): boolean {
  if (error instanceof ConnectionError) return true;
  return isProblem(error, 'key.channel-unknown', 'rate.limited', 'service.unavailable');
}

/** What the account's other device knows becomes what this one knows; the offer's secret key goes. */
async function adopt(
  { provider }: NewDeviceDeps,
  transaction: StoreTransaction,
  { record, provision }: { record: LinkRecord; provision: Provision },
): Promise<Joining> {
  const { contacts, keyLog, log, deviceList, identitySeed: seed } = provision;
  const account = await getRecord(transaction, keys.account, Account);
  const restored = await restoredAccount(transaction);
  const joining = joiningBy(provision, account === undefined && restored === undefined);
  const isOther = account && (account.user !== joining.user || account.device !== joining.device);
  if (isOther || (restored && restored.user !== joining.user)) {
    throw new ClientError('account.exists', 'the store belongs to another account');
  }
  const known = await getRecord(transaction, keys.identity, IdentityRecord);
  const registrationId = known?.registrationId ?? makeRegistrationId(provider);
  await adoptIdentity(transaction, { seed, registrationId, isShared: true });
  // Whoever links the device anew wants this identity.
  await transaction.delete(keys.nextIdentity);
  await putRecord(transaction, keys.ownList, [HeadRecord, deviceList]);
  const identity = signingKeyPairOf(provider, seed);
  const prekey = await nextSignedPrekey(provider, transaction, identity);
  await putRecord(transaction, keys.signedPrekey(prekey.id), [SignedPrekeyRecord, prekey]);
  if (keyLog) {
    const { publicKey: identityKey } = identity;
    await putRecord(transaction, keys.logOwnLeaf, [OwnLeaf, { identityKey, head: keyLog }]);
  }
  if (log && (await transaction.get(keys.logPin)) === undefined) {
    const { logKey, blindingKey, size, root } = log;
    await putRecord(transaction, keys.logPin, [LogPin, { logKey, blindingKey }]);
    await putRecord(transaction, keys.logTree, [SeenTree, { size, root }]);
  }
  for (const contact of contacts) await meet(transaction, contact, record.madeAt);
  const { publicKey, madeAt } = record;
  await putRecord(transaction, keys.link, [LinkRecord, { publicKey, madeAt, joining }]);
  return joining;
}

function joiningBy({ user, device, history }: Provision, isNew: boolean): Joining {
  const ids = { user: UserId.parse(user), device: DeviceId.parse(device) };
  if (history === undefined) return { ...ids, isNew };
  return { ...ids, isNew, history: { ...history, file: FileId.parse(history.file) } };
}

async function meet(
  transaction: StoreTransaction,
  { identityKey, keyLog, deviceList, ...contact }: ProvisionedContact,
  acceptedAt: number,
): Promise<void> {
  const user = UserId.parse(contact.user);
  if ((await transaction.get(keys.peer(user))) !== undefined) return;
  const met = { user, identityKey, devices: [], acceptedAt };
  const peer = { ...met, ...(deviceList && { list: deviceList }) };
  await putRecord(transaction, keys.peer(user), [Peer, peer]);
  if (keyLog === undefined) return;
  await putRecord(transaction, keys.logLeaf(user), [ContactLeaf, { identityKey, head: keyLog }]);
}

async function needOffer({ store, provider, clock }: NewDeviceDeps): Promise<LinkRecord> {
  return store.transaction(async (transaction) => {
    await restoredAccount(transaction);
    const known = await getRecord(transaction, keys.link, LinkRecord);
    const isOld = known && clock() >= known.madeAt + PROVISIONING_SECONDS * 1000;
    if (known && (known.joining || !isOld)) return known;
    const record = { ...makeAgreementKeyPair<'provisioning'>(provider), madeAt: clock() };
    await putRecord(transaction, keys.link, [LinkRecord, record]);
    return record;
  });
}
