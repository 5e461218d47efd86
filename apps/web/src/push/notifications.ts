/** Whether this browser may tell of messages while no page is open, and how that is begun and ended. */
import type { Client } from '@sotto/client';

/**
 * `unsupported`: not by this browser, or only once the page was installed. `off` can be turned on; `denied` only in the
 * browser's own settings; `absent`: the platform wakes nobody.
 */
export type NotificationState = 'unsupported' | 'absent' | 'denied' | 'off' | 'on';

/** What the browser says, and the platform where it could be turned on. Rejects as the SDK does. */
export async function notificationState(client: Client): Promise<NotificationState> {
  const state = await browserState();
  return state === 'off' && (await client.pushKey()) === undefined ? 'absent' : state;
}

async function browserState(): Promise<NotificationState> {
  const registration = await registered();
  if (registration === undefined) return 'unsupported';
  if (Notification.permission === 'denied') return 'denied';
  const subscription = await registration.pushManager.getSubscription();
  return subscription !== null && Notification.permission === 'granted' ? 'on' : 'off';
}

/**
 * Asks the person, subscribes at the browser's push service, and tells the platform where that is. To be called by a
 * click. Rejects as the SDK does, and with the browser's error when its push service cannot be had.
 */
export async function enableNotifications(client: Client): Promise<NotificationState> {
  const registration = await registered();
  if (registration === undefined) return 'unsupported';
  // At once: some browsers let nobody ask who has waited for something since the click.
  if ((await Notification.requestPermission()) !== 'granted') return browserState();
  const key = await client.pushKey();
  if (key === undefined) return 'absent';
  await subscribe(registration, client, key);
  return 'on';
}

/** Ends it, here and on the platform. */
export async function disableNotifications(client: Client): Promise<NotificationState> {
  const registration = await registered();
  const subscription = await registration?.pushManager.getSubscription();
  await client.unsubscribePush();
  await subscription?.unsubscribe();
  return browserState();
}

/**
 * Tells the platform again where this browser is woken: browsers change that at times, and a platform that was restored
 * may have another key. Nothing is asked of the person; does nothing where notifications are not on.
 */
export async function renewNotifications(client: Client): Promise<void> {
  if ((await browserState()) !== 'on') return;
  const registration = await registered();
  const key = await client.pushKey();
  if (registration !== undefined && key !== undefined) await subscribe(registration, client, key);
}

async function subscribe(
  registration: ServiceWorkerRegistration,
  client: Client,
  key: Uint8Array,
): Promise<void> {
  const wanted = Uint8Array.from(key);
  const known = await registration.pushManager.getSubscription();
  if (known !== null && !isOfKey(known, wanted)) await known.unsubscribe();
  const options = { userVisibleOnly: true, applicationServerKey: wanted };
  const { endpoint } = await registration.pushManager.subscribe(options);
  await client.subscribePush({ endpoint });
}

function isOfKey({ options }: PushSubscription, key: Uint8Array): boolean {
  const known = new Uint8Array(options.applicationServerKey ?? new ArrayBuffer(0));
  return known.length === key.length && known.every((byte, at) => byte === key[at]);
}

/** The page's service worker, where it can show notifications. */
async function registered(): Promise<ServiceWorkerRegistration | undefined> {
  const hasAll =
    'serviceWorker' in navigator && 'PushManager' in globalThis && 'Notification' in globalThis;
  return hasAll ? navigator.serviceWorker.getRegistration() : undefined;
}
