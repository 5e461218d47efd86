/**
 * What this service copies from others: usernames from auth, device lists from key.
 *
 * Events bring them; whoever is met before the event is asked for at the owner, and so is a device that connects and is
 * on no copied list, since an event may be lost. An older version never replaces a newer one, so the ways may cross.
 */
import type { Address, UserId } from '@sotto/api';
import {
  type AccountCreated,
  type DeviceListChanged,
  findAccount,
  findDeviceList,
  findIdentity,
} from '@sotto/api/internal';
import { type Bus, type Closable, callPeer, consumeEvent, type Fetch } from '@sotto/runtime';
import type { DeviceList } from './audience.ts';
import {
  type CopyDatabase,
  findAccounts,
  hasAccount,
  hasDevice,
  storeAccount,
  storeDeviceList,
} from './copy-store.ts';
import { OWNERS_ASKED_AT_ONCE } from './limits.ts';
import { createTurnstile } from './turnstile.ts';

export interface Copies {
  /** Asks for a user's device list and copies it. Undefined when the user has published none. */
  fetchDeviceList(user: UserId): Promise<DeviceList | undefined>;
  /** Whether there is such a user, by the copy or by asking. */
  hasUser(user: UserId): Promise<boolean>;
  /** Whether there are all of these users. */
  hasUsers(users: readonly UserId[]): Promise<boolean>;
  /** The key that a user signs with now, asked for each time. Undefined when the user has published none. */
  fetchIdentity(user: UserId): Promise<Uint8Array | undefined>;
  /** Whether a user and one of their devices have been copied. */
  has(who: Address): Promise<boolean>;
}

export interface CopiesDeps {
  database: CopyDatabase;
  peers: { auth: Fetch; key: Fetch };
  internalSecret: string;
}

/** Both owners within reach. Every call may reject with `service.unavailable`. */
export function createCopies({ database, peers, internalSecret }: CopiesDeps): Copies {
  const asking = new Map<UserId, Promise<DeviceList | undefined>>();

  async function ask(user: UserId): Promise<DeviceList | undefined> {
    const input = { params: { user_id: user } };
    const { list } = await callPeer(peers.key, findDeviceList, input, internalSecret);
    if (list !== undefined) await storeDeviceList(database, list);
    return list;
  }

  async function askForUser(user: UserId): Promise<boolean> {
    const input = { params: { user_id: user } };
    const { account } = await callPeer(peers.auth, findAccount, input, internalSecret);
    if (account !== undefined) await storeAccount(database, account);
    return account !== undefined;
  }

  return {
    fetchDeviceList(user) {
      let answer = asking.get(user);
      if (answer === undefined) {
        answer = ask(user).finally(() => asking.delete(user));
        asking.set(user, answer);
      }
      return answer;
    },
    async hasUser(user) {
      return (await hasAccount(database, user)) || askForUser(user);
    },
    async hasUsers(users) {
      const copied = await findAccounts(database, users);
      let areAllThere = true;
      const ask = async (user: UserId) => {
        // The first that there is not ends it.
        if (areAllThere && !(await askForUser(user))) areAllThere = false;
      };
      const others = users.filter((user) => !copied.has(user));
      const inTurn = createTurnstile(OWNERS_ASKED_AT_ONCE);
      await Promise.all(others.map((user) => inTurn(() => ask(user))));
      return areAllThere;
    },
    async fetchIdentity(user) {
      const input = { params: { user_id: user } };
      const { identityKey } = await callPeer(peers.key, findIdentity, input, internalSecret);
      return identityKey;
    },
    has: (who) => hasDevice(database, who),
  };
}

/** Copies what events tell, until it is closed. Of several nodes one gets each event. */
export async function consumeCopies(bus: Bus, database: CopyDatabase): Promise<Closable> {
  const consumers = await Promise.all([
    consumeEvent(bus, 'message', 'events.account.created', (event: AccountCreated) =>
      storeAccount(database, event),
    ),
    consumeEvent(bus, 'message', 'events.device-list.changed', (event: DeviceListChanged) =>
      storeDeviceList(database, event),
    ),
  ]);
  return {
    async close() {
      await Promise.all(consumers.map((consumer) => consumer.close()));
    },
  };
}
