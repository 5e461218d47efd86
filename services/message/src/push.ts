/**
 * Web Push: wake-ups without content for devices that are not connected (RFC 8030, RFC 8292). The push service learns
 * that something came for a device, when, and whether it is urgent; neither from whom nor what.
 */
import { type Address, ApiError, type DeviceId } from '@sotto/api';
import type { Bus, Clock, Closable } from '@sotto/runtime';
import { findConnected } from './connection-store.ts';
import { createDeviceBatches } from './device-batches.ts';
import type { Events } from './events.ts';
import type { Hub } from './hub.ts';
import { PUSH_ARRIVED_MS, PUSH_LEFT_MS, PUSH_WATCH_MS } from './limits.ts';
import { isPushEndpoint } from './push-endpoint.ts';
import { createPushClient } from './push-request.ts';
import { startPushSender } from './push-sender.ts';
import {
  deleteSubscription,
  findUnread,
  forgetWakes,
  hasSubscriptions,
  keepPushKey,
  makeDue,
  type PushDatabase,
  putSubscription,
} from './push-store.ts';
import { createVapid, makeVapidKey } from './vapid.ts';
import { startWakeUps } from './wake-ups.ts';

export interface PushSettings {
  enabled: boolean;
  hosts: readonly string[];
  allowPrivate: boolean;
  ca?: string | undefined;
  contact?: string | undefined;
}

export interface PushDeps {
  database: PushDatabase;
  bus: Bus;
  hub: Pick<Hub, 'find'>;
  events: Events;
  clock: Clock;
}

export interface Push extends Closable {
  /** The key to subscribe with. Throws `push.off`. */
  key(): Uint8Array;
  /** Wakes a device through a push service from now on. Throws `push.off` and `push.endpoint-refused`. */
  subscribe(who: Address, endpoint: string): Promise<void>;
  unsubscribe(device: DeviceId): Promise<void>;
  /** A device has connected here: it is awake. */
  arrived(device: DeviceId): void;
  /** A device is no longer connected here. What it did not take is a reason to wake it, if it stays away. */
  left(device: DeviceId): void;
}

/**
 * Wakes devices until it is closed. As long as nobody has subscribed, nothing reads the log for it. Rejects when the
 * database or the bus does, or a file of the settings cannot be read.
 */
export async function startPush(settings: PushSettings, deps: PushDeps): Promise<Push> {
  const { database, events, clock } = deps;
  const { enabled, hosts } = settings;
  if (!enabled) return pushOff(database);
  await using opened = new AsyncDisposableStack();
  const own = <Owned extends { close(): Promise<void> | void }>(resource: Owned): Owned => {
    opened.defer(() => resource.close());
    return resource;
  };
  const privateKey = await keepPushKey(database, makeVapidKey());
  const vapid = createVapid({ privateKey, contact: settings.contact, clock });
  const client = own(createPushClient(settings));
  const sender = own(startPushSender({ database, client, vapid, hosts, events }));
  const watch = own(startWatch(deps, sender.nudge));
  await watch.look();
  const forget = (devices: readonly DeviceId[]) => forgetWakes(database, devices);
  const arrivals = own(createDeviceBatches(PUSH_ARRIVED_MS, forget, events.pushFailed));
  const wake = (devices: readonly DeviceId[]) => wakeUnread(deps, devices, sender.nudge);
  const departures = own(createDeviceBatches(PUSH_LEFT_MS, wake, events.pushFailed));
  const running = opened.move();
  return {
    key: () => vapid.publicKey,
    async subscribe(who, endpoint) {
      if (!isPushEndpoint(endpoint, hosts)) throw new ApiError('push.endpoint-refused');
      await putSubscription(database, who, endpoint);
      // It stands in the database: what fails here is tried again in a while.
      await watch.begin().catch(events.pushFailed);
    },
    unsubscribe: (device) => deleteSubscription(database.query, { device }),
    arrived: arrivals.add,
    left: departures.add,
    close: () => running.disposeAsync(),
  };
}

/** Subscriptions of an earlier time can still be taken back. */
function pushOff(database: PushDatabase): Push {
  const refuse = () => {
    throw new ApiError('push.off');
  };
  return {
    key: refuse,
    subscribe: async () => refuse(),
    unsubscribe: (device) => deleteSubscription(database.query, { device }),
    arrived: () => undefined,
    left: () => undefined,
    close: async () => undefined,
  };
}

/**
 * A message may have gone to a socket whose other end was no more: nobody was woken for it, since the device was
 * connected. So a device that stays away is looked at once more.
 */
async function wakeUnread(
  { database, hub }: Pick<PushDeps, 'database' | 'hub'>,
  devices: readonly DeviceId[],
  onDue: () => void,
): Promise<void> {
  const away = devices.filter((device) => hub.find(device) === undefined);
  const unread = await findUnread(database, away);
  const connected = await findConnected(database, unread);
  const asleep = unread.filter((device) => !connected.has(device));
  if (asleep.length === 0) return;
  await makeDue(
    database,
    asleep.map((device) => ({ device, urgent: false })),
  );
  onDue();
}

interface Watch extends Closable {
  /** Reads the log if somebody has subscribed, here or elsewhere. */
  look(): Promise<void>;
  /** Somebody has subscribed. */
  begin(): Promise<void>;
}

/** Reads the fan-out log from the first subscription on, on whichever node it is made. */
function startWatch({ database, bus, hub, events }: PushDeps, onDue: () => void): Watch {
  let consuming: Promise<Closable> | undefined;
  let looking = Promise.resolve();
  let closed = false;
  async function begin(): Promise<void> {
    if (closed) return;
    consuming ??= startWakeUps({ database, bus, hub, onDue });
    try {
      await consuming;
    } catch (error) {
      consuming = undefined;
      throw error;
    }
  }
  async function look(): Promise<void> {
    if (consuming === undefined && (await hasSubscriptions(database))) await begin();
  }
  const timer = setInterval(() => {
    looking = look().catch(events.pushFailed);
  }, PUSH_WATCH_MS);
  return {
    look,
    begin,
    async close() {
      closed = true;
      clearInterval(timer);
      await looking;
      await (await consuming?.catch(() => undefined))?.close();
    },
  };
}
