/** The services that the message service asks, as far as it asks them: an auth and a key service in memory. */
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { DeviceId, jwks, SessionId, UserId } from '@sotto/api';
import {
  type DeviceListChanged,
  findAccount,
  findDeviceList,
  findIdentity,
  listRevocations,
} from '@sotto/api/internal';
import {
  ACCESS_TOKEN_TYPE,
  type Bus,
  createApp,
  createLogger,
  createMetrics,
  type Fetch,
  mount,
  publishEvent,
} from '@sotto/runtime';
import { testGuards } from '@sotto/runtime/testing';

export const INTERNAL_SECRET = 'a-secret-between-the-services-of-a-test';

/** One device of one user, logged in. */
export interface Person {
  readonly user: UserId;
  readonly device: DeviceId;
  readonly session: SessionId;
  readonly username: string;
  /** An access token that lives a quarter of an hour. */
  readonly token: string;
}

export interface Peers {
  auth: Fetch;
  key: Fetch;
  /** Registers a user and publishes the first device's keys. */
  addPerson(username?: string): Promise<Person>;
  /** Logs a user in on one more device; its keys are published unless told otherwise. */
  addDevice(person: Person, options?: { publish?: boolean }): Promise<Person>;
  removeDevice(person: Person): Promise<void>;
  /** Publishes a user's identity key. */
  setIdentity(user: UserId, identityKey: Uint8Array): void;
  /** Which version of a user's device list is the newest. */
  listVersion(user: UserId): number;
  /** Changes a device list without telling anybody: whoever needs it has to ask. */
  changeSilently(user: UserId, devices: DeviceId[]): DeviceListChanged;
  /** `boundTo` is the thumbprint of a device key. */
  tokenFor(person: Omit<Person, 'token'>, lifeMs: number, boundTo?: string): string;
  revoke(person: Person): void;
  /** While true nobody reaches the key service. */
  isKeyDown: boolean;
}

/** Both services; events go to the bus. */
export function createPeers(bus: Bus): Peers {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const accounts = new Map<UserId, string>();
  const lists = new Map<UserId, DeviceListChanged>();
  const identities = new Map<UserId, Uint8Array>();
  const revoked: { session: SessionId; at: string }[] = [];

  const guards = testGuards(INTERNAL_SECRET);
  const auth = app('auth');
  mount(auth, guards, jwks, async () => {
    const { x = '' } = publicKey.export({ format: 'jwk' });
    const key = { kty: 'OKP', crv: 'Ed25519', x, kid: 'test', alg: 'EdDSA', use: 'sig' } as const;
    return { keys: [key] };
  });
  mount(auth, guards, findAccount, async ({ params }) => {
    const username = accounts.get(params.user_id);
    return { account: username === undefined ? undefined : { user: params.user_id, username } };
  });
  mount(auth, guards, listRevocations, async () => {
    return { now: new Date().toISOString(), revocations: [...revoked] };
  });
  const key = app('key');
  mount(key, guards, findDeviceList, async ({ params }) => {
    return { list: lists.get(params.user_id) };
  });
  mount(key, guards, findIdentity, async ({ params }) => {
    return { identityKey: identities.get(params.user_id) };
  });

  async function change(user: UserId, devices: DeviceId[]): Promise<void> {
    const list = peers.changeSilently(user, devices);
    await publishEvent(bus, 'events.device-list.changed', list, randomUUID());
  }

  function logIn(user: UserId, username: string): Person {
    const person = {
      user,
      username,
      device: DeviceId.parse(randomUUID()),
      session: SessionId.parse(randomUUID()),
    };
    return { ...person, token: peers.tokenFor(person, 15 * 60_000) };
  }

  const peers: Peers = {
    auth: (request) => auth.fetch(request),
    key(request) {
      if (peers.isKeyDown) throw new Error('connection refused');
      return key.fetch(request);
    },
    async addPerson(username = `user${randomUUID().replaceAll('-', '')}`) {
      const person = logIn(UserId.parse(randomUUID()), username);
      accounts.set(person.user, username);
      await change(person.user, [person.device]);
      return person;
    },
    async addDevice({ user, username }, { publish = true } = {}) {
      const person = logIn(user, username);
      if (publish) await change(user, [...(lists.get(user)?.devices ?? []), person.device]);
      return person;
    },
    async removeDevice({ user, device }) {
      const devices = lists.get(user)?.devices ?? [];
      await change(
        user,
        devices.filter((other) => other !== device),
      );
    },
    setIdentity: (user, identityKey) => void identities.set(user, identityKey),
    listVersion: (user) => lists.get(user)?.version ?? 0,
    changeSilently(user, devices) {
      const list = { user, devices, version: (lists.get(user)?.version ?? 0) + 1 };
      lists.set(user, list);
      return list;
    },
    tokenFor({ user, device, session }, lifeMs, boundTo) {
      const iat = Math.floor(Date.now() / 1000);
      const exp = Math.floor((Date.now() + lifeMs) / 1000);
      const head = { alg: 'EdDSA', typ: ACCESS_TOKEN_TYPE, kid: 'test' };
      const bound = boundTo !== undefined && { cnf: { jkt: boundTo } };
      const who = { iss: 'sotto', aud: 'sotto', sub: user, did: device, sid: session };
      const claims = { ...who, iat, exp, ...bound };
      const body = [head, claims]
        .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
        .join('.');
      return `${body}.${sign(null, Buffer.from(body), privateKey).toString('base64url')}`;
    },
    revoke({ session }) {
      revoked.push({ session, at: new Date().toISOString() });
    },
    isKeyDown: false,
  };
  return peers;
}

function app(service: string) {
  const log = createLogger({ service, level: 'silent' });
  return createApp({ service, log, metrics: createMetrics(service) });
}
