/**
 * The old device's side of linking: it reads the code that a new device shows, has the platform make a device for its
 * key, and leaves it all that makes it one of the account's, encrypted for the code. What is left is in the store
 * before it leaves: a channel takes one message, and the same again.
 */
import {
  addDevice,
  type DeviceId,
  encodeBase64url,
  revokeDevice,
  sendProvisioning,
} from '@sotto/api';
import { PROVISION_CONTACTS_MAX, type VerifiedDeviceList } from '@sotto/crypto';
import {
  type LinkOffer,
  linkChannel,
  type Provision,
  type ProvisionedContact,
  sealProvision,
} from '@sotto/crypto/provisioning';
import { pause } from '../connection/back-off.ts';
import type { Abortable } from '../connection/heeding.ts';
import { ClientError, isProblem } from '../errors.ts';
import { LINK_JOIN_MS_MAX, LINK_POLL_MS } from '../limits.ts';
import { ConversationRecord } from '../messages/conversation-record.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord, entriesUnder, getRecord, putRecord } from '../store/stored-record.ts';
import { ContactLeaf, LogPin, OwnLeaf, SeenTree } from '../trust/log-standing.ts';
import { decodeLinkCode } from './link-code.ts';
import { leaveHistory } from './link-history.ts';
import { type OwnDeviceDeps, readOwnList } from './own-device.ts';
import { Account, LinkAnswer, Peer, sameBytes } from './records.ts';

/** How a device is linked. */
export interface CompleteLinkOptions extends Abortable {
  /**
   * Hands it what was said in the last 30 days, too: an encrypted file that the platform has for a day. When that does not
   * get there, the device is not linked. False when left out.
   */
  readonly history?: boolean;
}

/** Links devices as {@link completeLink} does, each once at a time: whoever asks again meanwhile gets the first outcome. */
export function createLinking(): typeof completeLink {
  const running = new Map<string, Promise<{ device: DeviceId }>>();
  return (deps, code, options) => {
    const name = code.trim();
    const begun = running.get(name);
    if (begun !== undefined) return begun;
    const linking = completeLink(deps, code, options).finally(() => running.delete(name));
    running.set(name, linking);
    return linking;
  };
}

/**
 * Links the device that shows this code to the account; resolves once it is on the account's list. After a crash the
 * same call goes on, and so does one in another process on the same store. Throws `link.code-invalid`, `link.used`, `link.expired` when the device does not come (it is
 * revoked then), and what calls throw: `auth.device-limit` among it, and `key.list-unknown` before this device has
 * connected for the first time.
 */
export async function completeLink(
  deps: OwnDeviceDeps,
  code: string,
  options: CompleteLinkOptions = {},
): Promise<{ device: DeviceId }> {
  const offer = decodeLinkCode(deps.provider, code);
  const channel = linkChannel(deps.provider, offer);
  const key = keys.linkAnswer(encodeBase64url(channel));
  const { device, message } = await needAnswer(deps, key, { offer, ...options });
  const forget = () => deps.store.transaction((transaction) => transaction.delete(key));
  try {
    await deps.call(sendProvisioning, { body: { channel, message } });
  } catch (error) {
    if (!isProblem(error, 'key.channel-taken')) throw error;
    // Nobody will come for the device that was made for this, unless another process has linked it.
    if (!(await isListed(deps, device))) {
      await deps.call(revokeDevice, { params: { device_id: device } });
    }
    await forget();
    throw new ClientError('link.used', 'the code was answered before', { cause: error });
  }
  const hasJoined = await awaitJoining(deps, device);
  if (!hasJoined) await deps.call(revokeDevice, { params: { device_id: device } });
  await forget();
  if (hasJoined) return { device };
  throw new ClientError('link.expired', 'the device that showed the code has not come');
}

/** The answer to an offer: the one that was begun before, or one from what this device knows now. */
async function needAnswer(
  deps: OwnDeviceDeps,
  key: string,
  { offer, history: isWithHistory }: CompleteLinkOptions & { readonly offer: LinkOffer },
): Promise<LinkAnswer> {
  const { store, provider, call } = deps;
  const begun = await store.transaction((transaction) => getRecord(transaction, key, LinkAnswer));
  if (begun !== undefined) return begun;
  const list = await readOwnList(deps);
  if (list.list.devices.some(({ deviceKey }) => sameBytes(deviceKey, offer.deviceKey))) {
    throw new ClientError('link.used', 'the device is linked already');
  }
  // First: when it fails, there is no device that nobody answers.
  const history = isWithHistory ? await leaveHistory(deps) : undefined;
  const { device } = await call(addDevice, { body: { deviceKey: offer.deviceKey } });
  return store.transaction(async (transaction) => {
    // Another process may have answered meanwhile, and a channel takes no second answer.
    const left = await getRecord(transaction, key, LinkAnswer);
    if (left !== undefined) return left;
    const known = await provisionFor(deps, transaction, { device, list });
    const provision = { ...known, ...(history && { history }) };
    const answer = { device, message: sealProvision(provider, offer, provision) };
    await putRecord(transaction, key, [LinkAnswer, answer]);
    return answer;
  });
}

/** Whether the device has put itself on the list before the wait is too long. */
async function awaitJoining(deps: OwnDeviceDeps, device: DeviceId): Promise<boolean> {
  const until = deps.clock() + LINK_JOIN_MS_MAX;
  for (;;) {
    if (await isListed(deps, device)) return true;
    if (deps.clock() > until) return false;
    await pause(LINK_POLL_MS, deps.signal);
    if (deps.signal.aborted) throw new ClientError('client.closed', 'the client was closed');
  }
}

async function isListed(deps: OwnDeviceDeps, device: DeviceId): Promise<boolean> {
  const { list } = await readOwnList(deps);
  return list.devices.some((entry) => entry.device === device);
}

async function provisionFor(
  { local }: OwnDeviceDeps,
  transaction: StoreTransaction,
  { device, list }: { device: DeviceId; list: VerifiedDeviceList },
): Promise<Provision> {
  const account = await getRecord(transaction, keys.account, Account);
  if (account === undefined) throw new ClientError('account.missing', 'nobody is logged in');
  const own = await getRecord(transaction, keys.logOwnLeaf, OwnLeaf);
  const pin = await getRecord(transaction, keys.logPin, LogPin);
  const tree = await getRecord(transaction, keys.logTree, SeenTree);
  return {
    user: account.user,
    username: account.username,
    device,
    identitySeed: local.identity.seed,
    deviceList: list.head,
    ...(own && { keyLog: own.head }),
    ...(pin && tree && { log: { ...pin, ...tree } }),
    contacts: await listContacts(transaction, account.user),
  };
}

/** In the order of user ids. Of too many, whoever shares a conversation comes before those who are only known. */
async function listContacts(
  transaction: StoreTransaction,
  own: string,
): Promise<ProvisionedContact[]> {
  const peers: Peer[] = [];
  for await (const { value } of entriesUnder(transaction, keys.peers)) {
    const peer = decodeRecord(Peer, value);
    if (peer.user !== own) peers.push(peer);
  }
  const nearness = peers.length > PROVISION_CONTACTS_MAX ? await nearnesses(transaction) : NOBODY;
  const chosen = peers
    .toSorted((one, other) => (nearness.get(one.user) ?? 2) - (nearness.get(other.user) ?? 2))
    .slice(0, PROVISION_CONTACTS_MAX)
    .sort((one, other) => (one.user < other.user ? -1 : 1));
  const contacts: ProvisionedContact[] = [];
  for (const { user, identityKey, list: deviceList } of chosen) {
    const leaf = await getRecord(transaction, keys.logLeaf(user), ContactLeaf);
    const isProven = leaf?.identityKey && sameBytes(leaf.identityKey, identityKey);
    contacts.push({
      ...{ user, identityKey },
      ...(isProven && leaf.head && { keyLog: leaf.head }),
      ...(deviceList && { deviceList }),
    });
  }
  return contacts;
}

const NOBODY: ReadonlyMap<string, number> = new Map();

/** 0 for who is talked with alone, 1 for who is met in groups. */
async function nearnesses(transaction: StoreTransaction): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  for await (const { value } of entriesUnder(transaction, keys.conversations)) {
    const { kind, members } = decodeRecord(ConversationRecord, value);
    for (const user of members) {
      if (kind === 'direct') found.set(user, 0);
      else if (!found.has(user)) found.set(user, 1);
    }
  }
  return found;
}
