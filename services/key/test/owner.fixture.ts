/** The client's side of keys: what a device makes and publishes. */
import {
  type DeviceId,
  getBundle,
  publishIdentity,
  publishOneTimePrekeys,
  publishSignedPrekey,
  type UserId,
} from '@sotto/api';
import { makeIdentity, makeOneTimePrekeys, makeSignedPrekey } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { newDevice, type Platform } from './platform.fixture.ts';

/** A device with the secrets of its account. */
export interface Owner {
  user: UserId;
  device: DeviceId;
  identity: ReturnType<typeof makeIdentity>;
}

export function newOwner(): Owner {
  return { ...newDevice(), identity: makeIdentity(nodeProvider) };
}

/** Another device of the same account. */
export function linkedDevice({ user, identity }: Owner): Owner {
  return { ...newDevice(user), identity };
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
  const oneTime = (owner: Owner, prekeys: ReturnType<typeof oneTimePrekeys>) =>
    call(publishOneTimePrekeys, owner, { body: { prekeys } });
  return {
    identity,
    signed,
    oneTime,
    /** A device with everything, and so many one-time prekeys from id 1 on. */
    async all(owner: Owner, count: number) {
      await identity(owner);
      await signed(owner);
      for (let first = 1; first <= count; first += 100) {
        await oneTime(owner, oneTimePrekeys(first, Math.min(100, count - first + 1)));
      }
    },
    /** The bundle of a user, as a stranger or a given device gets it. */
    bundle: (user: UserId, { asker = newDevice(), query = '', process = 0 } = {}) =>
      call(getBundle, asker, { params: { user_id: user }, query, process }),
  };
}
