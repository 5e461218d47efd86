/** What is asked of the platform about waking this device: loaded late, since few pages need it. */
import { getPushKey, subscribePush, unsubscribePush } from '@sotto/api';
import type { Call } from './connection/call.ts';
import { isProblem } from './errors.ts';

/** The platform's key; undefined where no devices are woken. */
export async function askPushKey(call: Call): Promise<Uint8Array | undefined> {
  try {
    return (await call(getPushKey, {})).key;
  } catch (error) {
    if (isProblem(error, 'push.off')) return undefined;
    throw error;
  }
}

/** Lets the device be woken at an address. Rejects as `subscribePush` of the client does. */
export async function subscribeTo(call: Call, endpoint: string): Promise<void> {
  await call(subscribePush, { body: { endpoint } });
}

/** Lets the device be woken no more. */
export async function endSubscription(call: Call): Promise<void> {
  await call(unsubscribePush, {});
}
