/** The client's side of keys: what a device makes and publishes. */
import { randomBytes } from 'node:crypto';
import {
  type DeviceId,
  getBundle,
  publishDeviceList,
  publishIdentity,
  publishOneTimePrekeys,
  publishSignedPrekey,
  type UserId,
} from '@sotto/api';
import {
  type Head,
  makeIdentity,
  makeOneTimePrekeys,
  makeSignedPrekey,
  signDeviceList,
} from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { newDevice, type Platform } from './platform.fixture.ts';

/** A device with the secrets of its account. */
export interface Owner {
  user: UserId;
  device: DeviceId;
  identity: ReturnType<typeof makeIdentity>;
  deviceKey: Uint8Array;
}

export function newOwner(): Owner {
  return { ...newDevice(), identity: makeIdentity(nodeProvider), deviceKey: randomBytes(32) };
}

/** Another device of the same account. */
export function linkedDevice({ user, identity }: Owner): Owner {
  return { ...newDevice(user), identity, deviceKey: randomBytes(32) };
}

export interface ListOptions {
  previous?: Head | undefined;
  time?: number;
  registrationId?: number;
}

/** A device list that names these devices, signed by the first one's identity. */
export function deviceList(
  owners: readonly [Owner, ...Owner[]],
  { previous, time = Date.now(), registrationId = 7 }: ListOptions = {},
) {
  const [{ user, identity }] = owners;
  const devices = owners.map(({ device, deviceKey }) => ({ device, deviceKey, registrationId }));
  return signDeviceList(nodeProvider, identity, { user, previous, time, devices });
}

export function identityOf({ identity }: Owner, registrationId = 7) {
  return { identityKey: identity.publicKey, registrationId };
}

export function signedPrekey({ identity }: Owner, id = 1) {
  const { keyPair, suites, signature } = makeSignedPrekey(nodeProvider, identity, {
    id,
    suites: [1],
  });
  return { id, publicKey: keyPair.publicKey, suites: [...suites], signature };
}

export function oneTimePrekeys(firstId: number, count: number) {
  return makeOneTimePrekeys(nodeProvider, { firstId, count }).map(({ id, keyPair }) => ({
    id,
    publicKey: keyPair.publicKey,
  }));
}

export type Publisher = ReturnType<typeof publisherOn>;

/** The calls of owners on a platform. */
export function publisherOn({ call }: Platform) {
  const identity = (owner: Owner, body = identityOf(owner)) =>
    call(publishIdentity, owner, { body });
  const signed = (owner: Owner, body = signedPrekey(owner)) =>
    call(publishSignedPrekey, owner, { body });
  const list = (owner: Owner, encoded: Uint8Array) =>
    call(publishDeviceList, owner, { body: { list: encoded } });
  const lists = new Map<UserId, { owners: [Owner, ...Owner[]]; head: Head }>();
  /** Puts a device on its account's list, behind those that this put there before. */
  const join = (owner: Owner) => {
    const before = lists.get(owner.user);
    const owners: [Owner, ...Owner[]] = [owner, ...(before?.owners ?? [])];
    const { encoded, head } = deviceList(owners, { previous: before?.head });
    lists.set(owner.user, { owners, head });
    return list(owner, encoded);
  };
  const oneTime = (owner: Owner, prekeys: ReturnType<typeof oneTimePrekeys>) =>
    call(publishOneTimePrekeys, owner, { body: { prekeys } });
  return {
    identity,
    signed,
    oneTime,
    list,
    join,
    /** A device with everything, on its account's list, and so many one-time prekeys from id 1 on. */
    async all(owner: Owner, count: number) {
      await identity(owner);
      await signed(owner);
      for (let first = 1; first <= count; first += 100) {
        await oneTime(owner, oneTimePrekeys(first, Math.min(100, count - first + 1)));
      }
      await join(owner);
    },
    /** The bundle of a user, as a stranger or a given device gets it. */
    bundle: (user: UserId, { asker = newDevice(), query = '', process = 0 } = {}) =>
      call(getBundle, asker, { params: { user_id: user }, query, process }),
  };
}
