/** Whether this browser may tell of messages while no page is open, and how that is begun and ended. */
import type { Client, Me } from '@sotto/client';
import { answerOf, keepAnswer } from './answered.ts';

/**
 * `unsupported`: not by this browser, or only once the page was installed. `off` can be turned on; `denied` only in the
 * browser's own settings; `absent`: the platform wakes nobody.
 */
export type NotificationState = 'unsupported' | 'absent' | 'denied' | 'off' | 'on';

/** Who is to be woken: an account, and its client. */
export interface Woken {
  readonly client: Pick<Client, 'pushKey' | 'subscribePush' | 'unsubscribePush'>;
  readonly me: Pick<Me, 'user'>;
}

/** What the browser says, and the platform where it could be turned on. Rejects as the SDK does. */
export async function notificationState({ client, me }: Woken): Promise<NotificationState> {
  const state = await browserState(me);
  return state === 'off' && (await client.pushKey()) === undefined ? 'absent' : state;
}

async function browserState(me: Woken['me']): Promise<NotificationState> {
  const registration = await registered();
  if (registration === undefined) return 'unsupported';
  if (Notification.permission === 'denied') return 'denied';
  const subscription = await registration.pushManager.getSubscription();
  const isAllowed = Notification.permission === 'granted' && answerOf(me) === 'on';
  return subscription !== null && isAllowed ? 'on' : 'off';
}

/**
 * Asks the person, subscribes at the browser's push service, and tells the platform where that is. To be called by a
 * click. Rejects as the SDK does, and with the browser's error when its push service cannot be had.
 */
export async function enableNotifications({ client, me }: Woken): Promise<NotificationState> {
  const registration = await registered();
  if (registration === undefined) return 'unsupported';
  // At once: some browsers let nobody ask who has waited for something since the click.
  if ((await Notification.requestPermission()) !== 'granted') return browserState(me);
  const key = await client.pushKey();
  if (key === undefined) return 'absent';
  await subscribe(registration, client, key);
  keepAnswer(me, 'on');
  return 'on';
}

/** Ends it, here and on the platform. */
export async function disableNotifications({ client, me }: Woken): Promise<NotificationState> {
  keepAnswer(me, 'off');
  await client.unsubscribePush();
  await dropSubscription();
  return browserState(me);
}

/**
 * Tells the platform again where this browser is woken: browsers change that at times, a session may have ended in between,
 * and a platform that was restored may have another key. Nothing is asked of the person. Where this account has not turned
 * notifications on, it ends what an earlier account has left.
 */
export async function renewNotifications({ client, me }: Woken): Promise<void> {
  if (answerOf(me) !== 'on') return dropSubscription();
  const registration = await registered();
  if (registration === undefined || Notification.permission !== 'granted') return;
  const key = await client.pushKey();
  if (key !== undefined) await subscribe(registration, client, key);
}

/**
 * The account leaves this browser: nothing tells of its messages any more, whether the platform can be reached or not.
 * Never rejects.
 */
export async function endNotifications(client?: Woken['client']): Promise<void> {
  // The platform finds a subscription that the browser has ended by itself, with the next wake-up.
  await Promise.allSettled([client?.unsubscribePush(), dropSubscription()]);
}

async function dropSubscription(): Promise<void> {
  const registration = await registered();
  const subscription = await registration?.pushManager.getSubscription();
  await subscription?.unsubscribe();
}

async function subscribe(
  registration: ServiceWorkerRegistration,
  client: Woken['client'],
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
